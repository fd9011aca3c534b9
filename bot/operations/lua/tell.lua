-- Queue a message for an operation's people from outside a step (a private refusal of a click, say).
-- KEYS: 1 outbox hash, 2 unsent zset, 3 list of those to be woken (where this process cannot wake by itself)   ARGV: 1 message key, 2 json, 3 id   Returns 1 if it was new.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({state = 'new', seq = seq}), 'p:' .. ARGV[1], ARGV[2])
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[3])
if KEYS[3] then redis.call('RPUSH', KEYS[3], 'out:' .. ARGV[3]) end
return 1
