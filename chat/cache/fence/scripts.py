"""The atomic steps of the fence (chat.cache.fence), in Lua.

KEYS are the data key D, its version token V and its writes under way W, in one Cluster slot.
Scripts begin with a removal: under memory pressure a script whose first write is a SET would stop
before it has invalidated anything.
"""

_CLOCK = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

# ARGV: writer, token seconds. W must outlive any D: a writer that died is found there by the next
# reader, however late, and D is deleted.
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
# The command is applied only if no other write began meanwhile: their order in MongoDB is unknown.
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

# Lines are added only right behind their predecessor, so the list never has a hole (ARGV: writer,
# new token, token seconds, first seq, how many to keep, elements). An element's first number is its
# seq.
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

# D is the list of the newest messages, whose posts and changes all take the next number (rev). It
# never shows a change without all earlier ones of what is in it. So a change is applied only where
# no other write was under way since this one began, or right behind the newest change in D. Else D
# is deleted. ARGV: writer, new token, token seconds, how many to keep, then for each change in
# order: rev, seq, element, which is empty for a message that is not to be in the list.
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
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

# What was written is not in D, but something that is made with D's version shows it.
END_TOUCH = """
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

# The write was refused by MongoDB: nothing changed, D stays. What refused it may be a write that is
# still under way, or that nobody knows the end of; then D does not show it and who is answered now
# has to see it.
RELEASE = """
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('DEL', KEYS[1]) end
return 1
"""

BUSY = 2  # what READ answers where nothing may be trusted, nor filled

# ARGV: candidate token, token seconds, lease ms, trusted ms, version of the reader's copy or "",
# command, arguments. Hits tell how long D lives, -1 while a write is under way. Where one seems to
# begin later than now the clock was put back: nobody knows how old it is. A token that none of us
# made would never fit, so it is replaced; a D without an end was not filled by us, so it goes.
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

# KEYS: D of many keys (of one server). ARGV: the versions of the reader's copies of them,
# then the prefix of all names (chat.redis.prefix).
# How long each D lives in ms where it is the same, else -2; none is while a write is under way on
# any of them.
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
