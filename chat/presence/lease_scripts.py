"""The Lua scripts for the leases of connections (``chat.presence``).

KEYS are conns, count, seq and log, in one Cluster slot. BEAT and REAP return a transition as
{number, people, lost}, with no people if nobody came or went. Each transition takes the next number
and is stored in the log, so that a browser that knows a number can get the transitions after it.
After a loss of data, numbers restart at the clock's microseconds, which is greater than all numbers
before.
"""

LOG_KEPT = 500  # transitions
ON_ITS_WAY = "|page"  # in place of a connection: a page that has not connected yet

# The person of a lease; nil if the member is no lease of ours and must be deleted.
_WHO = f"""
local function who_of(member)
  return string.match(member,'^({"[0-9a-f]" * 24})|.')
end
"""
_NOW = "local t=redis.call('TIME') local now=t[1]*1000+math.floor(t[2]/1000)\n"

# The next number. If seq is missing or was not written by us, it restarts at the clock.
_NUMBER = (
    _NOW
    + """
local function next_number()
  local seq=redis.pcall('INCR',KEYS[3])
  if type(seq)=='number' and seq>1e15 and seq<2^53 then return seq end
  redis.call('SET',KEYS[3],string.format('%.0f',t[1]*1000000+t[2]))
  return redis.call('INCR',KEYS[3])
end
"""
)

_TELL = (
    _NUMBER
    + f"""
local function tell(sign,people,lost)
  if #people==0 then return {{0,people,lost}} end
  local seq=next_number()
  local line=string.format('%.0f',seq)..sign..table.concat(people,' ')
  if type(redis.pcall('ZADD',KEYS[4],seq,line))=='table' then
    redis.call('DEL',KEYS[4])
    redis.call('ZADD',KEYS[4],seq,line)
  end
  redis.call('ZREMRANGEBYRANK',KEYS[4],0,-{LOG_KEPT + 1})
  return {{seq,people,lost}}
end
"""
)

# ARGV: lease in ms, person|connection... Returns the people whose first connection this is.
# ``lost`` is 1 if a person with an older lease is not counted: counts were lost or overwritten.
BEAT = (
    _TELL
    + """
local out,lost={},0
for i=2,#ARGV do
  local who=string.match(ARGV[i],'^([^|]+)')
  if redis.call('ZADD',KEYS[1],now+ARGV[1],ARGV[i])==1 then
    if redis.call('HINCRBY',KEYS[2],who,1)==1 then out[#out+1]=who end
  elseif redis.call('HEXISTS',KEYS[2],who)==0 then
    lost=1
  end
end
return tell('+',out,lost)
"""
)

# ARGV: (ms left, person|connection)... Shortens leases. REAP reports the people who are gone.
LEAVE = (
    _NOW
    + """
for i=1,#ARGV,2 do redis.call('ZADD',KEYS[1],'XX','LT',now+ARGV[i],ARGV[i+1]) end
return 1
"""
)

# ARGV: ms, person... People who are online stay so for at least that time, because a page of theirs
# is about to connect. Does not bring a person online.
STAY = (
    _NOW
    + f"""
for i=2,#ARGV do
  local who=ARGV[i]
  if redis.call('HEXISTS',KEYS[2],who)==1 then
    if redis.call('ZADD',KEYS[1],'GT',now+ARGV[1],who..'{ON_ITS_WAY}')==1 then
      redis.call('HINCRBY',KEYS[2],who,1)
    end
  end
end
return 1
"""
)

# ARGV: the most leases to end, the longest lease in ms. A lease that ends later than that was given
# before the clock was set back, and is shortened. Returns the people whose last lease has ended.
REAP = (
    _WHO
    + _TELL
    + """
local out={}
for _,m in ipairs(redis.call('ZRANGEBYSCORE',KEYS[1],'('..(now+ARGV[2]),'+inf')) do
  redis.call('ZADD',KEYS[1],'XX',now+ARGV[2],m)
end
for _,m in ipairs(redis.call('ZRANGEBYSCORE',KEYS[1],'-inf',now,'LIMIT',0,ARGV[1])) do
  redis.call('ZREM',KEYS[1],m)
  local who=who_of(m)
  if who and redis.call('HINCRBY',KEYS[2],who,-1)<=0 then
    redis.call('HDEL',KEYS[2],who)
    out[#out+1]=who
  end
end
return tell('-',out,0)
"""
)

# KEYS[5]: a key that exists while a recount is not due. ARGV: seconds between recounts. Compares
# the counts with the leases and repairs the counts. They differ only if a key was lost or written
# by another program. A repair empties the log, because the transitions are unknown. If KEYS[5] has
# no lifetime, it gets one.
# Returns {0, 0} if no recount is due, {1, people} if all is right, {2, people} after a repair;
# people is the number of people.
RECOUNT = (
    _WHO
    + _NUMBER
    + """
if not redis.call('SET',KEYS[5],'1','NX','EX',ARGV[1]) then
  if redis.call('TTL',KEYS[5])<0 then redis.call('EXPIRE',KEYS[5],ARGV[1]) end
  return {0,0}
end
local count,people={},0
for _,m in ipairs(redis.call('ZRANGE',KEYS[1],0,-1)) do
  local who=who_of(m)
  if who then
    if not count[who] then people=people+1 end
    count[who]=(count[who] or 0)+1
  else
    redis.call('ZREM',KEYS[1],m)
  end
end
local held=redis.call('HGETALL',KEYS[2])
local same=(#held==2*people)
for i=1,#held,2 do
  local n=count[held[i]]
  same=same and n and held[i+1]==string.format('%d',n)
end
if same then return {1,people} end
redis.call('DEL',KEYS[2],KEYS[4])
for who,n in pairs(count) do redis.call('HSET',KEYS[2],who,n) end
next_number()
return {2,people}
"""
)
