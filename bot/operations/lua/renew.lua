-- Keep a claim.   KEYS: 1 operation hash   ARGV: 1 fence, 2 lease in ms   Returns 1, or 0 where a newer claim exists.
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'lease', time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[2]))
return 1
