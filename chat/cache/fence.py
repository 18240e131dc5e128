"""The fence: after a write has been acknowledged no reader is given anything older (R10, R11).

"Write, then delete the key" and "write, then set the key" both break under a reader that missed,
read MongoDB, was overtaken by a writer and then fills in the old value. So each data key D has a
random version token V and a set W of writes under way, all in one Cluster slot:

    begin    before the MongoDB write: announce the write in W, take a new token
    end      after it: leave W, take a new token, bring D up to date or delete it; then acknowledge
    read     D if it may be trusted; else a token, or word that a write is under way
    fill     only if the token read before asking MongoDB is still the one there

While a write is under way D still serves what was true before it, but only for TRUSTED_MS: by then
either the write has ended, or its process has lost Redis or its life, and D is deleted. So a
writer that could not confirm its end waits until that time has passed before it acknowledges. A
write that never ends is forgotten after LEASE_MS; until then readers ask MongoDB and fill nothing.

Tokens are random because a counter that was evicted would start again and match.
Scripts begin with a removal: under memory pressure a script whose first write is a SET would stop
before it has invalidated anything.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.cluster import RedisCluster

from chat.extensions import redis
from chat.redis import DOWN, Down, scripts

LEASE_MS = 10_000
TRUSTED_MS = 250
TOKEN_SECONDS = 86_400
HIT, MISS, BUSY = 1, 0, 2

_CLOCK = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

BEGIN = (
    _CLOCK
    + """
if ARGV[4] == '1' then redis.call('DEL', KEYS[1]) else redis.call('ZREM', KEYS[3], ARGV[1]) end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[3])
redis.call('ZADD', KEYS[3], now, ARGV[1])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
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

# A post is added only right behind its predecessor, so the list never has a hole (ARGV: writer,
# new token, token seconds, seq, element, how many to keep). An element's first number is its seq.
END_APPEND = """
redis.call('ZREM', KEYS[3], ARGV[1])
local last = redis.call('LINDEX', KEYS[1], -1)
if last then
  if tonumber(string.match(last, '%d+')) == ARGV[4] - 1 then
    redis.call('RPUSH', KEYS[1], ARGV[5])
    redis.call('LTRIM', KEYS[1], -ARGV[6], -1)
  else
    redis.call('DEL', KEYS[1])
  end
end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

# The write was refused by MongoDB: nothing changed, D stays.
RELEASE = "return redis.call('ZREM', KEYS[3], ARGV[1])"

# ARGV: candidate token, token seconds, lease ms, trusted ms, command, arguments.
READ = """
local live = 0
if redis.call('EXISTS', KEYS[3]) == 1 then
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local dead = redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[3])
  local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  if dead > 0 or (oldest[2] and now - oldest[2] > tonumber(ARGV[4])) then
    redis.call('DEL', KEYS[1])
  end
  live = redis.call('ZCARD', KEYS[3])
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {1, redis.call(ARGV[5], KEYS[1], unpack(ARGV, 6))}
end
if live > 0 then return {2} end
local token = redis.call('GET', KEYS[2])
if not token then
  token = ARGV[1]
  redis.call('SET', KEYS[2], token, 'EX', ARGV[2])
end
return {0, token}
"""

# ARGV: token, ttl in seconds, command, arguments (in chunks: unpack has a limit).
FILL = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
for i = 4, #ARGV, 1000 do
  redis.call(ARGV[3], KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


@dataclass(frozen=True)
class Reading:
    """What a read found. ``token`` allows a fill; without one (BUSY, or Redis down) don't fill."""

    hit: bool
    value: Any = None
    token: str | None = None
    down: bool = False


@dataclass(frozen=True)
class Write:
    """A write under way on one key; ``fenced`` is False when Redis could not be told."""

    key: str
    writer: str
    started: float
    fenced: bool


def companions(key: str) -> list[str]:
    """The data key, its token and its writes under way, in that order."""
    return [key, f"v:{{{key}}}", f"w:{{{key}}}"]


def new_token() -> str:
    """A token nobody has used."""
    return secrets.token_urlsafe(9)


def read(key: str, command: str, *args: Any) -> Reading:
    """Run a reading command on D if D may be trusted."""
    answer = redis.run(
        READ,
        companions(key),
        [new_token(), TOKEN_SECONDS, LEASE_MS, TRUSTED_MS, command, *args],
        what=key,
    )
    return Reading(hit=False, down=True) if answer is DOWN else _reading(answer)


def _reading(answer: list[Any]) -> Reading:
    if answer[0] == HIT:
        return Reading(hit=True, value=answer[1] if len(answer) > 1 else None)
    return Reading(hit=False, token=answer[1] if answer[0] == MISS else None)


def fill(key: str, token: str, ttl: int, command: str, items: Sequence[Any]) -> bool:
    """Store what was read from MongoDB, unless a write has passed since the token was given."""
    answer = redis.run(FILL, companions(key), [token, ttl, command, *items], what=key)
    return answer == 1


def read_many(
    keys: Sequence[str], command: str, args: Sequence[Sequence[Any]] | None = None
) -> list[Reading]:
    """``read`` for many keys in one round trip, with arguments of its own for each key."""
    calls = [
        (companions(key), [new_token(), TOKEN_SECONDS, LEASE_MS, TRUSTED_MS, command, *own])
        for key, own in zip(keys, args or [()] * len(keys), strict=True)
    ]
    answers = redis.call(lambda r: scripts.run_many(r, READ, calls), what="read many")
    if isinstance(answers, Down):
        return [Reading(hit=False, down=True)] * len(keys)
    return [_reading(answer) for answer in answers]


def get_many(keys: Sequence[str]) -> list[Reading]:
    """``read`` of many strings, cheaply where all is quiet.

    Most of the time no write is under way on any of them: that is one question, the values are a
    second, and both go in one round trip. What is missing is asked again by the script, which
    gives tokens.
    """
    found = redis.call(lambda r: _quiet_values(r, keys), what="get many")
    if found is None or isinstance(found, Down):
        return read_many(keys, "GET")
    missing = [key for key, value in zip(keys, found, strict=True) if value is None]
    asked = dict(zip(missing, read_many(missing, "GET") if missing else (), strict=True))
    return [
        asked[key] if value is None else Reading(hit=True, value=value)
        for key, value in zip(keys, found, strict=True)
    ]


def _quiet_values(client: Any, keys: Sequence[str]) -> list[Any] | None:
    """The values, or None where they cannot be trusted without a closer look."""
    if isinstance(client, RedisCluster):  # the keys live in many slots
        return None
    pipe = client.pipeline(transaction=False)
    pipe.exists(*(companions(key)[2] for key in keys))
    pipe.mget(keys)
    under_way, values = pipe.execute()
    return None if under_way else list(values)


def fill_many(fills: Sequence[tuple[str, str, Sequence[Any]]], ttl: int, command: str) -> None:
    """``fill`` for many (key, token, items) in one round trip."""
    calls = [(companions(key), [token, ttl, command, *items]) for key, token, items in fills]
    if calls:
        redis.call(lambda r: scripts.run_many(r, FILL, calls), what="fill many")


def begin(key: str) -> Write:
    """Announce a write before it goes to MongoDB."""
    return begin_all([key])[0]


def begin_all(keys: Sequence[str], hide: bool = False) -> list[Write]:
    """Announce one write that touches several keys, in one round trip.

    With ``hide`` what is cached goes at once, not only when the write ends.
    """
    writers = [new_token() for _ in keys]
    calls = [
        (companions(key), [writer, LEASE_MS, TOKEN_SECONDS, int(hide)])
        for key, writer in zip(keys, writers, strict=True)
    ]
    told = redis.call(lambda r: scripts.run_many(r, BEGIN, calls), what="begin")
    started, fenced = time.monotonic(), told is not DOWN
    return [Write(key, writer, started, fenced) for key, writer in zip(keys, writers, strict=True)]


@dataclass(frozen=True)
class Ending:
    """How D is brought up to date: ``drop``, ``apply`` a command or ``append`` an element."""

    script: str
    args: tuple[Any, ...]


def drop() -> Ending:
    """Delete D; the next reader fills."""
    return Ending(END, ())


def apply(*command: Any) -> Ending:
    """Apply a command to D (SET, HSET, SADD, ...), or delete D if another write overlapped."""
    return Ending(END, command)


def append(seq: int, item: str, most: int) -> Ending:
    """Put a post at the end of the list; delete the list if that would leave a hole."""
    return Ending(END_APPEND, (seq, item, most))


def end(write: Write, *command: Any) -> None:
    """After the MongoDB write: apply a command to D, or delete D."""
    end_all([(write, Ending(END, command))])


def end_all(endings: Sequence[tuple[Write, Ending]]) -> None:
    """End a write on all its keys, in one round trip, before it is acknowledged.

    If that cannot be confirmed, wait until nobody trusts the old values.
    """
    calls = [
        (how.script, companions(write.key), [write.writer, new_token(), TOKEN_SECONDS, *how.args])
        for write, how in endings
    ]
    told = redis.call(lambda r: scripts.run_all(r, calls), what="end")
    if told is not DOWN or not endings:
        return
    write = endings[-1][0]
    if write.fenced:
        time.sleep(max(0.0, write.started + TRUSTED_MS / 1000 - time.monotonic()))
    elif redis.is_up():
        # Too busy to take either word: nobody there knows that D is old.
        redis.suspect(f"a write could not be announced ({write.key})")


def release(write: Write) -> None:
    """MongoDB refused the write, so what is cached is still right."""
    redis.run(RELEASE, companions(write.key), [write.writer], what=write.key)
