-- Take the right to send an operation's messages.   KEYS: 1 outbox hash, 2 operation hash   ARGV: 1 lease in ms, 2 life without a record in ms
-- The outbox lives as long as its record: whatever is queued is claimed sooner or later, so what is written after the end gets its time here as well.
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
local left = redis.call('PTTL', KEYS[2])
if left == -1 then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], left > 0 and left or ARGV[2]) end
local all = redis.call('HGETALL', KEYS[1])
table.insert(all, 1, 'claimed')
return all
