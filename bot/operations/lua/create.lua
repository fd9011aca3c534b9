-- Write the record of a new operation, once.
-- KEYS: 1 operation hash, 2 due zset, 3 active set, 4 idempotency key   ARGV: 1 id, then field, value, ...
-- Returns the id that holds the request: this one, or the one that was there first.
local first = redis.call('SET', KEYS[4], ARGV[1], 'NX', 'EX', 86400)
if not first then
  local holder = redis.call('GET', KEYS[4])
  if holder then return holder end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return ARGV[1] end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
-- Fences start at the clock, so that they still rise when Redis was lost and the record rebuilt.
redis.call('HSET', KEYS[1], 'fence', now, 'lease', 0, 'pokes', 0, 'created_ms', now)
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
return ARGV[1]
