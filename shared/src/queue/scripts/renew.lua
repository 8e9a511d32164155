-- Prolongs leases that are still ours.
-- KEYS  1 ready (list)  2 later (zset: due ms)  3 lease (zset: until ms)  4 live (hash: member -> token)
-- ARGV  1 lease in ms, then pairs: member, token
-- Returns the places (0 is the first pair) of the leases that were lost.
-- Bounded: the caller sends at most 500 pairs.
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
local lost = {}
for i = 2, #ARGV, 2 do
  local member = ARGV[i]
  if redis.call('HGET', KEYS[4], member) == ARGV[i + 1] and redis.call('ZSCORE', KEYS[3], member) then
    redis.call('ZADD', KEYS[3], ends, member)
  else
    lost[#lost + 1] = i / 2 - 1
  end
end
return lost
