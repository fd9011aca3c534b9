-- One resource is gone: what was set aside for it is free again, what it really cost is spent. Once. Whole micro-dollars.
-- KEYS: 1 ledger, 2 account, 3 index   ARGV: 1 part, 2 account id, 3 user and 4 channel for an account that is unknown ('' if so),
--       5 retention in s, then month, amount spent ...
-- Returns 'unknown' | 'kept' | 'settled'.
local user, channel = redis.call('HGET', KEYS[2], 'user'), redis.call('HGET', KEYS[2], 'channel')
if not user then
  if ARGV[3] == '' then return 'unknown' end
  user, channel = ARGV[3], ARGV[4]
  redis.call('HSET', KEYS[2], 'user', user, 'channel', channel)
end
if redis.call('HEXISTS', KEYS[2], 'closed:' .. ARGV[1]) == 1 then return 'kept' end

local scopes = {'user:' .. user, 'channel:' .. channel, 'total'}
local open, all = false, redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'r:' then
    if string.sub(all[i], 11) == ARGV[1] then
      local month = string.sub(all[i], 3, 9)
      if all[i + 1] ~= '0' then  -- "-0" is no number to Redis
        for _, scope in ipairs(scopes) do redis.call('HINCRBY', KEYS[1], month .. ':reserved:' .. scope, '-' .. all[i + 1]) end
      end
      redis.call('HDEL', KEYS[2], all[i])
    else
      open = true
    end
  end
end

local spent = 0
for i = 6, #ARGV, 2 do
  for _, scope in ipairs(scopes) do redis.call('HINCRBY', KEYS[1], ARGV[i] .. ':spent:' .. scope, ARGV[i + 1]) end
  spent = spent + tonumber(ARGV[i + 1])
end
redis.call('HSET', KEYS[2], 'closed:' .. ARGV[1], string.format('%.0f', spent))
local name = string.lower(ARGV[1])
if redis.call('HGET', KEYS[3], name) == ARGV[2] then redis.call('HDEL', KEYS[3], name) end
if not open then redis.call('EXPIRE', KEYS[2], ARGV[5]) end
return 'settled'
