-- From now on a resource costs something else (scaled, stopped, started); what it has cost so far stays as it was. Once per name and part.
-- KEYS: 1 account   ARGV: 1 name of the change, 2 part, 3 micro-dollars per hour from now on ('pause': none until
--       'resume', then what it was before), 4 now in epoch seconds
-- Returns 1, or 0 where there is no such open part or the change was made before.
local function of(field) return redis.call('HGET', KEYS[1], field .. ':' .. ARGV[2]) end
local since, now = of('since'), tonumber(ARGV[4])
local did = 'did:' .. ARGV[1] .. '/price/' .. ARGV[2]
if not since or of('closed') or redis.call('HEXISTS', KEYS[1], did) == 1 then return 0 end
local before, after = of('hourly') or '0', ARGV[3]
if after == 'pause' then
  if tonumber(before) > 0 then redis.call('HSET', KEYS[1], 'paused:' .. ARGV[2], before) end
  after = '0'
elseif after == 'resume' then
  after = of('paused') or before
end
local ran = math.max(0, now - tonumber(since))
local accrued = tonumber(of('accrued') or '0') + tonumber(before) * ran / 3600
redis.call('HSETNX', KEYS[1], 'from:' .. ARGV[2], since)
redis.call('HSET', KEYS[1], 'accrued:' .. ARGV[2], string.format('%.0f', accrued), 'hourly:' .. ARGV[2], after,
  'since:' .. ARGV[2], ARGV[4], did, 1)
return 1
