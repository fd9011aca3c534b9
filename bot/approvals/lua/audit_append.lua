-- Put entries at the end of the audit chain, if its end is where the caller thinks it is and none of them is there yet.
-- KEYS: 1 stream, 2 head hash, 3 names of the entries of one operation
-- ARGV: 1 number of the last entry, 2 its hash, 3 how long names are kept in s, then name, number, hash, body ...
-- Returns 'moved' (somebody else appended meanwhile), 'known' (so was one of these), or 'written'.
if redis.call('EXISTS', KEYS[2]) == 0 then
  -- The head alone was lost: the stream's last entry tells it again.
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
  if #last > 0 then
    local seq, fields = string.match(last[1][1], '^%d+'), last[1][2]
    for i = 1, #fields, 2 do
      if fields[i] == 'hash' then redis.call('HSET', KEYS[2], 'seq', seq, 'hash', fields[i + 1]) end
    end
    return 'moved'
  end
end
if (redis.call('HGET', KEYS[2], 'seq') or '0') ~= ARGV[1] then return 'moved' end
if (redis.call('HGET', KEYS[2], 'hash') or '') ~= ARGV[2] then return 'moved' end
for i = 4, #ARGV, 4 do
  if redis.call('HEXISTS', KEYS[3], ARGV[i]) == 1 then return 'known' end
end
for i = 4, #ARGV, 4 do
  -- The stream itself refuses a number that is not above its last one, whatever the head says.
  redis.call('XADD', KEYS[1], ARGV[i + 1] .. '-0', 'hash', ARGV[i + 2], 'body', ARGV[i + 3])
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[2], 'seq', ARGV[i + 1], 'hash', ARGV[i + 2])
end
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 'written'
