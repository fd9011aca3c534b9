-- Set money aside in every budget that it counts against, or in none. Amounts are whole micro-dollars.
-- KEYS: 1 ledger (all months), 2 account (the operation that made the resources), 3 index: resource -> account
-- ARGV: 1 reservation id, 2 account id, 3 user, 4 channel, 5-7 limits of user, channel, total ('' none), 8 'forced', 'dry' (ask only), 'top-up'
--       (more of what is set aside for a part, noted as this reservation's own, so that it can be returned) or '',
--       9 count of parts, then part, hourly, since, until ..., then month, part, amount ...
-- Returns {'kept'} | {'owner', user, channel} | {'closed', part} | {'over', scope, month, in use, asked} | {'fits'} | {'reserved'}.
local function held(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
local function plain(number) return string.format('%.0f', number) end

if redis.call('HEXISTS', KEYS[2], 'did:' .. ARGV[1]) == 1 then return {'kept'} end
local owner = redis.call('HGET', KEYS[2], 'user')
if owner then
  local channel = redis.call('HGET', KEYS[2], 'channel')
  if owner ~= ARGV[3] or channel ~= ARGV[4] then return {'owner', owner, channel} end
end

local first = 10 + 4 * tonumber(ARGV[9])
for i = 10, first - 1, 4 do
  if redis.call('HEXISTS', KEYS[2], 'closed:' .. ARGV[i]) == 1 then return {'closed', ARGV[i]} end
end

local asked, months = {}, {}
for i = first, #ARGV, 3 do
  if not asked[ARGV[i]] then
    asked[ARGV[i]] = 0
    table.insert(months, ARGV[i])
  end
  asked[ARGV[i]] = asked[ARGV[i]] + tonumber(ARGV[i + 2])
end

local scopes = {{'user:' .. ARGV[3], ARGV[5], 'user'}, {'channel:' .. ARGV[4], ARGV[6], 'channel'}, {'total', ARGV[7], 'total'}}
if ARGV[8] ~= 'forced' then
  for _, month in ipairs(months) do
    for _, scope in ipairs(scopes) do
      local used = held(month .. ':reserved:' .. scope[1]) + held(month .. ':spent:' .. scope[1])
      if scope[2] ~= '' and asked[month] > 0 and used + asked[month] > tonumber(scope[2]) then
        return {'over', scope[3], month, plain(used), plain(asked[month])}
      end
    end
  end
end

if ARGV[8] == 'dry' then return {'fits'} end

redis.call('HSET', KEYS[2], 'user', ARGV[3], 'channel', ARGV[4], 'did:' .. ARGV[1], 1)
for i = 10, first - 1, 4 do
  if ARGV[8] == 'top-up' then break end
  redis.call('HSETNX', KEYS[2], 'hourly:' .. ARGV[i], ARGV[i + 1])
  redis.call('HSETNX', KEYS[2], 'since:' .. ARGV[i], ARGV[i + 2])
  redis.call('HSET', KEYS[2], 'until:' .. ARGV[i], ARGV[i + 3])
  if ARGV[i] ~= '' then redis.call('HSET', KEYS[3], string.lower(ARGV[i]), ARGV[2]) end
end
for i = first, #ARGV, 3 do
  redis.call('HINCRBY', KEYS[2], 'r:' .. ARGV[i] .. ':' .. ARGV[i + 1], ARGV[i + 2])
  if ARGV[8] == 'top-up' then redis.call('HINCRBY', KEYS[2], 'own:' .. ARGV[1] .. ':' .. ARGV[i] .. ':' .. ARGV[i + 1], ARGV[i + 2]) end
end
for _, month in ipairs(months) do
  for _, scope in ipairs(scopes) do
    redis.call('HINCRBY', KEYS[1], month .. ':reserved:' .. scope[1], plain(asked[month]))
  end
end
return {'reserved'}
