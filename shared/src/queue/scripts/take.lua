-- Leases the oldest ready jobs, after putting back expired leases and moving over what is due.
-- KEYS  1 ready (list)  2 later (zset: due ms)  3 lease (zset: until ms)  4 live (hash: member -> token)
-- ARGV  1 how many, 2 lease in ms
-- Returns {ms until the next delayed job is due (at most 1000), stamp, member, delivery, member, ...}.
-- Bounded: at most 100 expired, 500 due and 64 taken in one call.
--
-- The token "<delivery>:<stamp>" is what settle and renew must show. The stamp is the server's clock in
-- microseconds, so no two holders of one job, not even in two lives of it, ever have the same token.
-- A job at its third delivery or later is a suspect: two workers died with it in hand, perhaps because of it. A lane hands out one
-- suspect at a time; the others wait and are not counted. So a third death has only the guilty one in hand, not its neighbours.
local SUSPECT_FROM, SUSPECT_PAUSE = 3, 200
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamp = time[1] * 1000000 + time[2]
local suffix = ':' .. string.format('%.0f', stamp)
for _, from in ipairs({{KEYS[3], 100}, {KEYS[2], 500}}) do
  local members = redis.call('ZRANGEBYSCORE', from[1], '-inf', now, 'LIMIT', 0, from[2])
  if #members > 0 then
    redis.call('ZREM', from[1], unpack(members))
    redis.call('RPUSH', KEYS[1], unpack(members))
  end
end
local next_due = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local wait = 1000
if next_due[2] then wait = math.max(1, math.min(wait, math.ceil(tonumber(next_due[2]) - now))) end
local out = {wait, stamp}
local suspect = redis.call('HGET', KEYS[4], 'suspect')
local busy = suspect and redis.call('ZSCORE', KEYS[3], suspect)
local taken = redis.call('LPOP', KEYS[1], math.min(64, tonumber(ARGV[1]))) or {}
for _, member in ipairs(taken) do
  local token = redis.call('HGET', KEYS[4], member)
  if token then
    local delivery = tonumber(string.match(token, '^%d+')) + 1
    if delivery >= SUSPECT_FROM and busy then
      redis.call('ZADD', KEYS[2], now + SUSPECT_PAUSE, member)
      out[1] = math.min(out[1], SUSPECT_PAUSE)
    else
      if delivery >= SUSPECT_FROM then
        redis.call('HSET', KEYS[4], 'suspect', member)
        busy = true
      end
      redis.call('HSET', KEYS[4], member, delivery .. suffix)
      redis.call('ZADD', KEYS[3], now + tonumber(ARGV[2]), member)
      out[#out + 1] = member
      out[#out + 1] = delivery
    end
  end
end
return out
