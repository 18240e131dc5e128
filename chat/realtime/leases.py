"""The atomic steps of presence (chat.presence). KEYS are conns, count, seq in one Cluster slot.

Those that change something answer {number of the transition or 0, people it happened to}.
"""

_NOW = "local t=redis.call('TIME') local now=t[1]*1000+math.floor(t[2]/1000)\n"

# ARGV: lease in ms, person|connection... People whose first connection this is.
BEAT = (
    _NOW
    + """
local out={}
for i=2,#ARGV do
  if redis.call('ZADD',KEYS[1],now+ARGV[1],ARGV[i])==1 then
    local who=string.match(ARGV[i],'^([^|]+)')
    if redis.call('HINCRBY',KEYS[2],who,1)==1 then out[#out+1]=who end
  end
end
if #out==0 then return {0,out} end
return {redis.call('INCR',KEYS[3]),out}
"""
)

# ARGV: grace in ms, person|connection... Shortens leases; REAP reports who has really gone.
LEAVE = (
    _NOW
    + """
for i=2,#ARGV do redis.call('ZADD',KEYS[1],'XX','LT',now+ARGV[1],ARGV[i]) end
return {0,{}}
"""
)

# ARGV: how many leases to end at most. People whose last connection this was.
REAP = (
    _NOW
    + """
local out={}
for _,m in ipairs(redis.call('ZRANGEBYSCORE',KEYS[1],'-inf',now,'LIMIT',0,ARGV[1])) do
  redis.call('ZREM',KEYS[1],m)
  local who=string.match(m,'^([^|]+)')
  if redis.call('HINCRBY',KEYS[2],who,-1)<=0 then
    redis.call('HDEL',KEYS[2],who)
    out[#out+1]=who
  end
end
if #out==0 then return {0,out} end
return {redis.call('INCR',KEYS[3]),out}
"""
)

# KEYS: conns, count. Repairs the counts where they and the leases have drifted apart.
RECOUNT = """
local count={}
local people=0
for _,m in ipairs(redis.call('ZRANGE',KEYS[1],0,-1)) do
  local who=string.match(m,'^([^|]+)')
  if not count[who] then people=people+1 end
  count[who]=(count[who] or 0)+1
end
if redis.call('HLEN',KEYS[2])==people then return 0 end
redis.call('DEL',KEYS[2])
for who,n in pairs(count) do redis.call('HSET',KEYS[2],who,n) end
return 1
"""

# KEYS: count, seq. Who is online, and the number of the transition that made it so.
WHO = "return {redis.call('GET',KEYS[2]) or 0,redis.call('HKEYS',KEYS[1])}"

# KEYS: the set, its version. ARGV: number, ttl, people... Never replaces a newer picture.
FILL = """
local held=tonumber(redis.call('GET',KEYS[2]) or '-1')
if held>tonumber(ARGV[1]) and redis.call('EXISTS',KEYS[1])==1 then return 0 end
redis.call('DEL',KEYS[1])
for i=3,#ARGV do redis.call('SADD',KEYS[1],ARGV[i]) end
if #ARGV>2 then redis.call('EXPIRE',KEYS[1],ARGV[2]) end
redis.call('SET',KEYS[2],ARGV[1],'EX',ARGV[2])
return 1
"""
