-- Give the right back.   KEYS: 1 outbox hash, 2 unsent zset   ARGV: 1 fence, 2 id where all is sent (else ''), 3 when it was claimed in ms
-- Returns 1 where somebody asked for it meanwhile (look again). What was committed since the claim (or in its very millisecond) stays unsent, so no wake can be lost.
if redis.call('HGET', KEYS[1], '_fence') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], '_lease', 0)
local score = redis.call('ZSCORE', KEYS[2], ARGV[2])
if score and tonumber(score) < tonumber(ARGV[3]) then redis.call('ZREM', KEYS[2], ARGV[2]) end
return tonumber(redis.call('HGET', KEYS[1], '_asked') or '0')
