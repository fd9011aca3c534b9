-- Take the right to run an operation for a while.
-- KEYS: 1 operation hash   ARGV: 1 lease in ms
-- Returns {'missing'} | {'ended'} | {'busy', ms left} | {'claimed', field, value, ...}
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
if redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return {'ended'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(redis.call('HGET', KEYS[1], 'lease') or '0')
if lease > now then return {'busy', tostring(lease - now)} end
redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'lease', now + tonumber(ARGV[1]))
local all = redis.call('HGETALL', KEYS[1])
table.insert(all, 1, 'claimed')
return all
