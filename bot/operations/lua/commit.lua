-- The only way a step's outcome becomes true: state, messages and due time together, or nothing.
-- KEYS: 1 operation hash, 2 outbox hash, 3 due zset, 4 active set, 5 calendar zset, 6 unsent zset,
--       7 set of ended ones that the audit log has still to hear of
-- ARGV: 1 id, 2 fence, 3 pokes seen, 4 due in ms from now ('' keep running, 'end' for ended), 5 calendar score or '',
--       6 retention in s, 7 '1': there may be something to send, 8 count of messages, then message key, json ..., then field, value, ...
-- Returns -1 fenced off, 0 committed, 1 committed and a fact arrived meanwhile (run again at once).
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[2] then return -1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[7] == '1' then redis.call('ZADD', KEYS[6], now, ARGV[1]) end
local at = 9
for _ = 1, tonumber(ARGV[8]) do
  local key = ARGV[at]
  if redis.call('HEXISTS', KEYS[2], key) == 0 then
    local seq = redis.call('HINCRBY', KEYS[2], 'seq', 1)
    redis.call('HSET', KEYS[2], key, cjson.encode({state = 'new', seq = seq}), 'p:' .. key, ARGV[at + 1])
  end
  at = at + 2
end
for i = at, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[5] == '' then redis.call('ZREM', KEYS[5], ARGV[1]) else redis.call('ZADD', KEYS[5], ARGV[5], ARGV[1]) end
if ARGV[4] == 'end' then
  redis.call('HSET', KEYS[1], 'lease', 0, 'ended_ms', now)
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('SREM', KEYS[4], ARGV[1])
  redis.call('SADD', KEYS[7], ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[6])
  redis.call('EXPIRE', KEYS[2], ARGV[6])
  return 0
end
local poked = redis.call('HGET', KEYS[1], 'pokes') ~= ARGV[3]
if ARGV[4] == '' then
  redis.call('ZADD', KEYS[3], now, ARGV[1])
elseif poked then
  redis.call('ZADD', KEYS[3], now, ARGV[1])
else
  redis.call('HSET', KEYS[1], 'lease', 0)
  redis.call('ZADD', KEYS[3], now + tonumber(ARGV[4]), ARGV[1])
end
if poked then return 1 end
return 0
