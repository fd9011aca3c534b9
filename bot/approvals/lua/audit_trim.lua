-- Take the oldest entries out of the audit log, leaving an anchor that says so; only up to an entry that is there and has this hash.
-- KEYS: 1 stream, 2 anchor hash   ARGV: 1 number of the last entry to go, 2 its hash, 3 the number after it, 4 when (text)
-- Returns how many were taken out, or -1.
local found = redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', ARGV[1] .. '-0')
if #found == 0 then return -1 end
local fields = found[1][2]
for i = 1, #fields, 2 do
  if fields[i] == 'hash' and fields[i + 1] ~= ARGV[2] then return -1 end
end
redis.call('HSET', KEYS[2], 'seq', ARGV[1], 'hash', ARGV[2], 'at', ARGV[4])
return redis.call('XTRIM', KEYS[1], 'MINID', ARGV[3] .. '-0')
