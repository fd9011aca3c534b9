-- Give the right back.   KEYS: 1 outbox hash   ARGV: 1 fence   Returns 1 where somebody asked for it meanwhile (look again).
if redis.call('HGET', KEYS[1], '_fence') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], '_lease', 0)
return tonumber(redis.call('HGET', KEYS[1], '_asked') or '0')
