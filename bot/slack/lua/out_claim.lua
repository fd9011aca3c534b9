-- Take the right to send an operation's messages.   KEYS: 1 outbox hash   ARGV: 1 lease in ms
-- Returns {'busy', ms left} | {'claimed', field, value, ...}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(redis.call('HGET', KEYS[1], '_lease') or '0')
if lease > now then
  redis.call('HSET', KEYS[1], '_asked', 1)
  return {'busy', tostring(lease - now)}
end
if redis.call('HEXISTS', KEYS[1], '_fence') == 0 then redis.call('HSET', KEYS[1], '_fence', now) end
redis.call('HINCRBY', KEYS[1], '_fence', 1)
redis.call('HSET', KEYS[1], '_lease', now + tonumber(ARGV[1]), '_now', now, '_asked', 0)
local all = redis.call('HGETALL', KEYS[1])
table.insert(all, 1, 'claimed')
return all
