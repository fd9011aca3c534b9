-- A change came to nothing: what was set aside for it alone is free again (of a part that was settled, it is already). Once.
-- KEYS: 1 ledger, 2 account   ARGV: 1 name of the change
local head, all = 'own:' .. ARGV[1] .. ':', redis.call('HGETALL', KEYS[2])
local scopes = {'user:' .. (redis.call('HGET', KEYS[2], 'user') or ''), 'channel:' .. (redis.call('HGET', KEYS[2], 'channel') or ''), 'total'}
for i = 1, #all, 2 do
  if string.sub(all[i], 1, #head) == head then
    local month, part = string.match(string.sub(all[i], #head + 1), '^(%d%d%d%d%-%d%d):(.*)$')
    if redis.call('HEXISTS', KEYS[2], 'closed:' .. part) == 0 and all[i + 1] ~= '0' then
      redis.call('HINCRBY', KEYS[2], 'r:' .. month .. ':' .. part, '-' .. all[i + 1])
      for _, scope in ipairs(scopes) do redis.call('HINCRBY', KEYS[1], month .. ':reserved:' .. scope, '-' .. all[i + 1]) end
    end
    redis.call('HDEL', KEYS[2], all[i])
  end
end
return 1
