-- Move one message on.   KEYS: 1 outbox hash   ARGV: 1 fence, 2 entry, 3 state, 4 ts or reason, 5 lease in ms
-- 'sent' is recorded whatever the fence (the first writer wins): it is a fact about Slack. Everything else needs the newest fence.
-- Returns 1 if it was written.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local entry = redis.call('HGET', KEYS[1], ARGV[2])
local value = entry and cjson.decode(entry) or {seq = 0}
if value.state == 'sent' then return 0 end
local current = redis.call('HGET', KEYS[1], '_fence') == ARGV[1]
if ARGV[3] ~= 'sent' and not current then return 0 end
if current then redis.call('HSET', KEYS[1], '_lease', now + tonumber(ARGV[5])) end
value.state = ARGV[3]
value.at = now
value.ts = ARGV[4]
redis.call('HSET', KEYS[1], ARGV[2], cjson.encode(value))
if ARGV[3] == 'sent' or ARGV[3] == 'dropped' or ARGV[3] == 'unknown' then redis.call('HDEL', KEYS[1], 'p:' .. ARGV[2]) end
return 1
