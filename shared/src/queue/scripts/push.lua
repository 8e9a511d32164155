-- Puts jobs into a lane, each once while it lives.
-- KEYS  1 ready (list)  2 later (zset: due ms)  3 lease (zset: until ms)  4 live (hash: member -> token)
-- ARGV  1 wake channel, 2 lane name, then pairs: member, delay in ms
-- Returns {fresh, ready depth}.
-- Bounded: the caller sends at most 500 pairs.
--
-- Published only when an idle worker could otherwise miss the job: an empty ready list got its first
-- member (a list that was not empty has already woken everyone who had a hand free), or a delay ends
-- before the next safety poll.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local depth = redis.call('LLEN', KEYS[1])
local fresh, wake = 0, false
for i = 3, #ARGV, 2 do
  local member, delay = ARGV[i], tonumber(ARGV[i + 1])
  if redis.call('HSETNX', KEYS[4], member, '0') == 1 then
    fresh = fresh + 1
    if delay > 0 then
      redis.call('ZADD', KEYS[2], now + delay, member)
      wake = wake or delay < 1000
    else
      redis.call('RPUSH', KEYS[1], member)
      wake = wake or depth == 0
      depth = depth + 1
    end
  end
end
if wake then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return {fresh, depth}
