-- Write a fact (a decision, a cancel, an observation) that a waiting operation should look at.
-- KEYS: 1 operation hash, 2 due zset, 3 list of those to be woken (where this process cannot wake by itself)
-- ARGV: 1 id, 2 'first' (keep what stands) or 'newest', then field, value, ...
-- Returns 'missing' | 'ended' | 'kept' (nothing was new) | 'written'.
if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
if redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return 'ended' end
local written = 0
for i = 3, #ARGV, 2 do
  if ARGV[2] == 'first' then
    written = written + redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    written = written + 1
  end
end
if #ARGV > 2 and written == 0 then return 'kept' end
redis.call('HINCRBY', KEYS[1], 'pokes', 1)
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
if KEYS[3] then redis.call('RPUSH', KEYS[3], 'op:' .. ARGV[1]) end
return 'written'
