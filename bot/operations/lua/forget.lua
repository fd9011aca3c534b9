-- Whether anybody still waits on a thing; if not, it is forgotten - in one go, so that whoever begins to wait meanwhile is not forgotten with it.
-- KEYS: 1 set of those who wait on it, 2 active set, 3 set of watched names, 4 hash of when each was seen   ARGV: 1 its name
-- Returns 1, or 0 where it was forgotten.
for _, id in ipairs(redis.call('SDIFF', KEYS[1], KEYS[2])) do redis.call('SREM', KEYS[1], id) end
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
return 0
