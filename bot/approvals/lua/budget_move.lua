-- A resource was made under another name or at another price than planned: what was set aside for it goes along.
-- KEYS: 1 account, 2 index   ARGV: 1 account id, 2 part as reserved, 3 part as made, 4 micro-dollars per hour
-- Returns 1, or 0 where there is no such open part.
if redis.call('HEXISTS', KEYS[1], 'since:' .. ARGV[2]) == 0 or redis.call('HEXISTS', KEYS[1], 'closed:' .. ARGV[2]) == 1 then return 0 end
if ARGV[2] ~= ARGV[3] then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local head = string.match(all[i], '^r:%d%d%d%d%-%d%d:') or string.match(all[i], '^since:') or string.match(all[i], '^until:') or string.match(all[i], '^from:')
      or string.match(all[i], '^accrued:')
    if head and string.sub(all[i], #head + 1) == ARGV[2] then
      redis.call('HDEL', KEYS[1], all[i])
      redis.call('HSET', KEYS[1], head .. ARGV[3], all[i + 1])
    end
  end
  redis.call('HDEL', KEYS[1], 'hourly:' .. ARGV[2])
  if redis.call('HGET', KEYS[2], string.lower(ARGV[2])) == ARGV[1] then redis.call('HDEL', KEYS[2], string.lower(ARGV[2])) end
  redis.call('HSET', KEYS[2], string.lower(ARGV[3]), ARGV[1])
end
redis.call('HSET', KEYS[1], 'hourly:' .. ARGV[3], ARGV[4])
return 1
