-- From now on a resource costs something else (scaled, stopped, started); what it has cost so far stays as it was. Once per name and part.
-- KEYS: 1 account   ARGV: 1 name of the change, 2 part, 3 micro-dollars per hour from now on ('pause': none until
--       'resume', then what it was before), 4 now in epoch seconds, 5 since when it costs what it does, as the caller read it,
--       then month, micro-dollars that it has cost since then ...
-- Returns 1, 0 where there is no such open part or the change was made before, or -1 where it was changed since the caller read it.
local function of(field) return redis.call('HGET', KEYS[1], field .. ':' .. ARGV[2]) end
local since = of('since')
local did = 'did:' .. ARGV[1] .. '/price/' .. ARGV[2]
if not since or of('closed') or redis.call('HEXISTS', KEYS[1], did) == 1 then return 0 end
if since ~= ARGV[5] then return -1 end
local before, after = of('hourly') or '0', ARGV[3]
if after == 'pause' then
  if tonumber(before) > 0 then redis.call('HSET', KEYS[1], 'paused:' .. ARGV[2], before) end
  after = '0'
elseif after == 'resume' then
  after = of('paused') or before
else
  redis.call('HSET', KEYS[1], 'was:' .. ARGV[1] .. ':' .. ARGV[2], before)
end
for i = 6, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], 'a:' .. ARGV[i] .. ':' .. ARGV[2], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'hourly:' .. ARGV[2], after, 'since:' .. ARGV[2], ARGV[4], did, 1)
return 1
