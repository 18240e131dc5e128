"""The Lua scripts of the fence (``chat.cache.fence``).

KEYS are the data key D, its version token V and its writes in progress W, in one Cluster slot.
Scripts begin with a deletion: if the memory is full, a script whose first write is a SET would
stop before it has invalidated anything.
"""

_CLOCK = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

# ARGV: writer, token seconds. W must live longer than any D: the next reader, however late, then
# finds a dead writer in W and deletes D.
BEGIN = (
    _CLOCK
    + """
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
redis.call('ZADD', KEYS[3], now, ARGV[1])
redis.call('EXPIRE', KEYS[3], ARGV[2])
return 1
"""
)

# ARGV: writer, new token, token seconds, then nothing (delete D) or a command with its arguments.
# If another write began meanwhile, the order of both in MongoDB is unknown: D is deleted.
END = """
redis.call('ZREM', KEYS[3], ARGV[1])
local alone = redis.call('GET', KEYS[2]) == ARGV[1]
if #ARGV == 3 or not alone then
  redis.call('DEL', KEYS[1])
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call(ARGV[4], KEYS[1], unpack(ARGV, 5))
end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

# D is a list whose elements begin with their seq. Elements are appended only if the first new seq
# follows the last one, so the list never has a gap; else D is deleted. ARGV: writer, new token,
# token seconds, first seq, how many to keep, elements.
END_APPEND = """
redis.call('ZREM', KEYS[3], ARGV[1])
local last = redis.call('LINDEX', KEYS[1], -1)
if last then
  if tonumber(string.match(last, '%d+') or -1) == ARGV[4] - 1 then
    redis.call('RPUSH', KEYS[1], unpack(ARGV, 6))
    redis.call('LTRIM', KEYS[1], -ARGV[5], -1)
  else
    redis.call('DEL', KEYS[1])
  end
end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

# D is the list of the newest messages. Each post or change of a message takes the next number
# (rev). D must not show a change without all earlier changes of its messages. So a change is
# applied only if no other write was in progress since this one began, or if its rev follows the
# newest rev in D. Else D is deleted. ARGV: writer, new token, token seconds, how many to keep, then
# for each change in order: rev, seq, element. The element is empty for a message that does not
# belong into the list. If no other write was in progress, the last rev is the newest one of the
# channel, and the token tells it (chat.cache.newest_rev).
END_CHANGES = """
redis.call('ZREM', KEYS[3], ARGV[1])
local alone = redis.call('GET', KEYS[2]) == ARGV[1] and redis.call('EXISTS', KEYS[3]) == 0

local function numbers(element)
  local seq, rev = string.match(element, '^{"seq":(%d+),"rev":(%d+)')
  if not seq and string.sub(element, 1, 2) == '0 ' then return 0, 0 end
  return tonumber(seq), tonumber(rev)
end

local function changed(rev, seq, element)
  local last, last_rev = numbers(redis.call('LINDEX', KEYS[1], -1))
  if not last then return false end
  local is_new = element ~= '' and seq > last
  if not (is_new and (alone or last_rev == rev - 1)) then
    local newest, first, place = 0, nil, nil
    for i, each in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
      local its_seq, its_rev = numbers(each)
      if not its_seq then return false end
      first = first or its_seq
      newest = math.max(newest, its_rev)
      if its_seq == seq then place = i - 1 end
    end
    if not alone and newest ~= rev - 1 then return false end
    if not is_new then
      if element ~= '' and place then redis.call('LSET', KEYS[1], place, element) end
      return element == '' or place or seq < first
    end
  end
  redis.call('RPUSH', KEYS[1], element)
  redis.call('LTRIM', KEYS[1], -ARGV[4], -1)
  return true
end

for i = 5, #ARGV, 3 do
  if redis.call('EXISTS', KEYS[1]) == 1
      and not changed(tonumber(ARGV[i]), tonumber(ARGV[i + 1]), ARGV[i + 2]) then
    redis.call('DEL', KEYS[1])
  end
end
local token = alone and ARGV[2] .. 'r' .. ARGV[#ARGV - 2] or ARGV[2]
redis.call('SET', KEYS[2], token, 'EX', ARGV[3])
return 1
"""

# D does not contain the written data, but a result made under D's version does.
END_TOUCH = """
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

# MongoDB refused the write: nothing changed, so D stays. But the reason may be another write that
# is still in progress or whose end is unknown. Then D lacks that write, which the refused caller
# must see from now on, so D is deleted.
RELEASE = """
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('DEL', KEYS[1]) end
return 1
"""

BUSY = 2  # the answer of READ if D must be neither trusted nor filled

# ARGV: candidate token, token seconds, lease ms, trusted ms, version of the reader's copy or "",
# command, arguments. A hit has the rest of D's lifetime in ms, -1 while a write is in progress. If
# a write began in the future, the clock was set back and the age of the write is unknown: it counts
# as older than TRUSTED_MS. A token in another format than ours is replaced, because no fill could
# match it. A D without a lifetime was not filled by us, so it is deleted.
READ = """
local live = 0
if redis.call('EXISTS', KEYS[3]) == 1 then
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. now, '+inf')) do
    redis.call('ZADD', KEYS[3], 'XX', now - ARGV[4] - 1, ahead)
  end
  local dead = redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[3])
  local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  if dead > 0 or (oldest[2] and now - oldest[2] > tonumber(ARGV[4])) then
    redis.call('DEL', KEYS[1])
  end
  live = redis.call('ZCARD', KEYS[3])
end
local left = redis.call('PTTL', KEYS[1])
if left == -1 then
  redis.call('DEL', KEYS[1])
  left = -2
end
if left == -2 and live > 0 then return {2} end
local token = redis.call('GET', KEYS[2])
if not token or not string.find(token, '^[%w_-]+$') then
  token = ARGV[1]
  redis.call('SET', KEYS[2], token, 'EX', ARGV[2])
end
if left == -2 then return {0, token} end
if live > 0 then left = -1 end
if token == ARGV[5] then return {3, token, left} end
return {1, token, left, redis.call(ARGV[6], KEYS[1], unpack(ARGV, 7))}
"""

# ARGV: candidate token, token seconds. Returns V, or nothing while a write is in progress. D is not
# needed: V lives much longer.
TOKEN = """
if redis.call('EXISTS', KEYS[3]) == 1 then return false end
local token = redis.call('GET', KEYS[2])
if not token or not string.find(token, '^[%w_-]+$') then
  token = ARGV[1]
  redis.call('SET', KEYS[2], token, 'EX', ARGV[2])
end
return token
"""

# ARGV: token, the same token with what was learnt, token seconds. As FILL, but D stays as it is.
LEARN = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

# KEYS: many data keys D (of one server). ARGV: the versions of the reader's copies, then the prefix
# of all names (chat.redis.prefix). Returns for each D the rest of its lifetime in ms if its version
# is the same, else -2. While a write is in progress on any of them, all are -2.
SAME = """
local writes, tokens, out, prefix = {}, {}, {}, ARGV[#ARGV]
for i, key in ipairs(KEYS) do
  writes[i] = prefix .. 'w:{' .. key .. '}'
  tokens[i] = prefix .. 'v:{' .. key .. '}'
end
local quiet = redis.call('EXISTS', unpack(writes)) == 0
local versions = quiet and redis.call('MGET', unpack(tokens))
for i, key in ipairs(KEYS) do
  local same = quiet and versions[i] == ARGV[i]
  local left = same and redis.call('PTTL', key) or -2
  out[i] = left < 0 and -2 or left
end
return out
"""

# ARGV: token, new token, token seconds, ttl in seconds, command, arguments (in chunks: unpack has
# a limit).
FILL = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
for i = 6, #ARGV, 1000 do
  redis.call(ARGV[5], KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""
