-- Says what became of leased jobs.
-- KEYS  1 ready (list)  2 later (zset: due ms)  3 lease (zset: until ms)  4 live (hash: member -> token)
-- ARGV  1 wake channel, 2 lane name, then triples: member, token, verdict
--       verdict: "done" | "back" (give it back, the delivery does not count) | ms until it comes again
--       (negative: the delivery does not count)
-- Returns how many leases were still the caller's; the others are left as they are.
-- Bounded: the caller sends at most 250 triples.
--
-- What is given back goes to the head of the line. A stopped worker drops its newest job first, so in
-- the end the oldest is first again.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ours, wake = 0, false
for i = 3, #ARGV, 3 do
  local member, token, verdict = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HGET', KEYS[4], member) == token and redis.call('ZREM', KEYS[3], member) == 1 then
    ours = ours + 1
    if verdict == 'done' then
      redis.call('HDEL', KEYS[4], member)
    elseif verdict == 'back' then
      local delivery = tonumber(string.match(token, '^%d+')) - 1
      redis.call('HSET', KEYS[4], member, tostring(delivery))
      wake = redis.call('LPUSH', KEYS[1], member) == 1 or wake
    else
      local delay = tonumber(verdict)
      if delay < 0 then
        local delivery = tonumber(string.match(token, '^%d+')) - 1
        redis.call('HSET', KEYS[4], member, tostring(delivery))
      end
      redis.call('ZADD', KEYS[2], now + math.abs(delay), member)
    end
  end
end
if wake then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return ours
