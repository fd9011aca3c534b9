-- Write the record of a new operation, once, and have a worker woken for it in the same breath.
-- KEYS: 1 operation hash, 2 due zset, 3 active set, 4 idempotency key, 5 where a private answer can go, 6 list of those to be woken,
--       7 who asked for the same last
-- ARGV: 1 id, 2 response URL ('' none), 3 its life in s, 4 '1': wake a worker, 5 for how many s nobody else may hold KEYS[7] ('' any may),
--       6 the holder that is known to have ended, 7... the record's names and values
-- Returns the id that holds the request (this one, or the one that was there first), or 'same:' and the id that holds KEYS[7].
if ARGV[5] ~= '' and redis.call('EXISTS', KEYS[4]) == 0 then
  local same = redis.call('GET', KEYS[7])
  if same and same ~= ARGV[6] then return 'same:' .. same end
  redis.call('SET', KEYS[7], ARGV[1], 'EX', ARGV[5])
end
local first = redis.call('SET', KEYS[4], ARGV[1], 'NX', 'EX', 86400)
if not first then
  local holder = redis.call('GET', KEYS[4])
  if holder then return holder end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return ARGV[1] end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Fences start at the clock, so that they still rise when Redis was lost and the record rebuilt.
local row = {'fence', now, 'lease', 0, 'pokes', 0, 'created_ms', now}
for at = 7, #ARGV do row[#row + 1] = ARGV[at] end
redis.call('HSET', KEYS[1], unpack(row))
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[5], ARGV[2], 'EX', ARGV[3]) end
if ARGV[4] == '1' then redis.call('RPUSH', KEYS[6], 'op:' .. ARGV[1]) end
return ARGV[1]
