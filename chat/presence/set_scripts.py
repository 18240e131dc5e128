"""The Lua scripts for a set of people (``chat.presence.online_set``).

A picture is the set together with the number of the last transition in it. SHIFT and FILL never
replace a newer picture with an older one.
"""

from chat.cache import wrong_type

# KEYS: the set's number, the set. ARGV: the number of the caller's copy. Returns {number}, and the
# people as well if the number is another one. Without a copy the number is "", which matches none.
READ = """
local seq=redis.call('GET',KEYS[1])
if not seq or (seq==ARGV[1] and seq~='') then return {seq} end
return {seq,redis.call('SMEMBERS',KEYS[2])}
"""

# KEYS: count, seq, conns. Returns the number of the last transition, the people online, and 1 if
# there are leases but nobody is counted: then the count was lost. A seq of another type counts as
# 0; the next transition replaces it.
WHO = """
local seq=redis.pcall('GET',KEYS[2])
local people=redis.call('HKEYS',KEYS[1])
local lost=#people==0 and redis.call('EXISTS',KEYS[3]) or 0
return {type(seq)=='string' and seq or '0',people,lost}
"""

# KEYS: log, seq. ARGV: a number. Returns the last number and the transitions after the given one.
NEWS = """
return {redis.call('GET',KEYS[2]) or '0',redis.call('ZRANGEBYSCORE',KEYS[1],'('..ARGV[1],'+inf')}
"""

_EACH = """
local function each(command,first,last)
  for i=first,last,1000 do
    redis.call(command,KEYS[1],unpack(ARGV,i,math.min(i+999,last)))
  end
end
"""

# KEYS: the set, its number. ARGV: number, ttl, people... Returns 0 if the picture there is newer.
FILL = (
    _EACH
    + """
local held=tonumber(redis.call('GET',KEYS[2]) or '')
if held and held>tonumber(ARGV[1]) then return 0 end
redis.call('DEL',KEYS[1])
each('SADD',3,#ARGV)
redis.call('EXPIRE',KEYS[1],ARGV[2])
redis.call('SET',KEYS[2],ARGV[1],'EX',ARGV[2])
return 1
"""
)

# KEYS: the set, its number. ARGV: from, to, ttl, count of arrivals, arrivals..., departures...
# The net change between two numbers may be applied to any picture between them. Returns 0 if the
# picture is missing or older.
SHIFT = (
    _EACH
    + """
local held=tonumber(redis.call('GET',KEYS[2]) or '') or -1
if held<tonumber(ARGV[1]) then return 0 end
if held<tonumber(ARGV[2]) then
  each('SADD',5,4+ARGV[4])
  each('SREM',5+ARGV[4],#ARGV)
  redis.call('SET',KEYS[2],ARGV[2])
end
redis.call('EXPIRE',KEYS[1],ARGV[3])
redis.call('EXPIRE',KEYS[2],ARGV[3])
return 1
"""
)

# KEYS: the set, its number. Returns the number of people in the set.
SIZE = "return redis.call('SCARD',KEYS[1])"

for _script in (READ, FILL, SHIFT, SIZE):
    wrong_type.run_again(_script, together=2)
wrong_type.run_again(NEWS, together=0)
