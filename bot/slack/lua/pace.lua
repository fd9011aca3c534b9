-- Take a token from a bucket shared by all replicas.
-- KEYS: 1 bucket   ARGV: 1 capacity, 2 refill per second, 3 block for ms (or 0)
-- Returns ms to wait: 0 means that the token was taken.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local capacity, refill = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('PEXPIRE', KEYS[1], 900000)
if tonumber(ARGV[3]) > 0 then
  redis.call('HSET', KEYS[1], 'blocked', now + tonumber(ARGV[3]))
  redis.call('PEXPIRE', KEYS[1], 900000 + tonumber(ARGV[3]))
  return tonumber(ARGV[3])
end
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'blocked')
local blocked = tonumber(state[3] or '0')
if blocked > now then return blocked - now end
local tokens = tonumber(state[1] or capacity)
tokens = math.min(capacity, tokens + (now - tonumber(state[2] or now)) / 1000 * refill)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = math.ceil((1 - tokens) / refill * 1000) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], 900000)
return wait
