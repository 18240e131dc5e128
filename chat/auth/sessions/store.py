"""Where sessions are kept: reading, writing and ending one in Redis and MongoDB."""

import json
import logging
import time
from datetime import datetime
from typing import Any

from flask import current_app
from pymongo.errors import PyMongoError

from chat import rollout
from chat.auth.sessions.ids import seal, sid_hash
from chat.cache import isolation, shapes
from chat.cache.shapes import UNREADABLE
from chat.lru import LRU
from chat.models.session import Life
from chat.models.session import Session as Row
from chat.redis import DOWN, scripts
from chat.redis.client import redis
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)

PREFIX = "session:"
DAY = 86_400
REFRESH_REDIS = 60  # push the end of a session back at most this often, in seconds
REFRESH_MONGO = 300
ENDED_SECONDS = 600  # longer than any request that could still be under way
OVERTAKEN_SECONDS = 30  # the same for a request that is about to store what it has read

# KEYS session. Its data and how many seconds it still has. What is no text is not of ours, and
# reads as nothing that could be decoded.
READ = """
local text = redis.pcall('GET', KEYS[1])
if type(text) == 'table' then
  if not string.find(text.err, 'WRONGTYPE', 1, true) then return text end
  text = ''
end
return {text, redis.call('TTL', KEYS[1])}
"""
# KEYS session, ended mark. ARGV: data, seconds, "NX" or "". Never brings an ended session back. A
# mark of ours is '1' and goes by itself; any other would keep a session out of Redis for ever.
STORE = """
local mark = redis.pcall('GET', KEYS[2])
if mark == '1' and redis.call('TTL', KEYS[2]) >= 0 then redis.call('DEL', KEYS[1]) return 0 end
if mark then redis.call('DEL', KEYS[2]) end
if ARGV[3] == 'NX' then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], 'NX')
else
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
return 1
"""
# DEL first: a full server stops a script at its first SET, but not at a DEL.
END = """
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], '1', 'EX', ARGV[1])
return 1
"""


def _store_in_steps(client: Any, keys: list[str], args: list[Any]) -> int:
    """While its slot moves a session is read from MongoDB."""
    if args[2] != "NX":
        client.delete(keys[0])
    return 0


def _end_in_steps(client: Any, keys: list[str], args: list[Any]) -> int:
    """The mark comes first: whoever stores in between finds it."""
    client.set(keys[1], "1", ex=args[0])
    client.delete(keys[0])
    return 1


scripts.in_steps(STORE, _store_in_steps)
scripts.in_steps(END, _end_in_steps)

_extended: LRU[str, float] = LRU(10_000)  # by session: when this process last told MongoDB


def encode(data: dict) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def decode(text: str | bytes) -> dict:
    """The session's data; ValueError for anything that is no JSON object."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("a session is a JSON object")
    return data


def decode_cached(text: str | bytes | None) -> dict | None:
    """What is in a session as Redis holds it, or None where there is none or it is no session."""
    try:
        return shapes.session(text) if text is not None else None
    except UNREADABLE:
        return None


def load(sid: str, read: list[Any] | None = None) -> dict | None:
    """What is in a session, or None. PyMongoError when MongoDB alone could say, and is gone.

    ``read``: what ``call`` was answered in this very request. A process that is cut off from Redis
    ends sessions in MongoDB alone.
    """
    asked = rollout.in_rollout("sessions", sid) and not isolation.elsewhere()
    data = _from_redis(sid, read) if asked else None
    telemetry.session(data is not None, asked, redis)
    return data if data is not None else _from_mongo(sid)


def call(sid: str) -> scripts.Call:
    """The script call that reads a session, for a pipeline: its data, its seconds left."""
    return READ, [PREFIX + sid], []


def _from_redis(sid: str, read: list[Any] | None) -> dict | None:
    answer = read or redis.run(*call(sid), "session", spare=True)
    if answer is DOWN or answer[0] is None:
        return None
    text, left = answer
    data = decode_cached(text)
    if data is None:
        _take_out(sid)
        return None
    return data if slide(sid, int(left)) else None


def _take_out(sid: str) -> None:
    """It cannot be read. If the session is ours MongoDB has it, and it is stored anew."""
    if Row.known([sid_hash(sid)]):
        log.warning("session %s: unreadable in Redis, asking MongoDB", sid_hash(sid)[:8])
        redis.call(lambda client: client.delete(PREFIX + sid), "session")


def slide(sid: str, left: int) -> bool:
    """Push back the end of a session in use. False if MongoDB says that it is no more.

    ``left`` is how many seconds Redis would still keep it.
    """
    life = unused()
    if life - left >= min(REFRESH_REDIS, life / 2):
        redis.call(lambda client: client.expire(PREFIX + sid, life), "session")
    if _extend(sid):
        return True
    _end_in_redis(sid)
    return False


def _extend(sid: str) -> bool:
    key, now = sid_hash(sid), time.monotonic()
    told = _extended.get(key)
    if told is not None and now - told < min(REFRESH_MONGO, unused() / 2):
        return True
    _extended.put(key, now)
    try:
        return Row.extend(key, life())
    except PyMongoError:
        _extended.drop(key)
        return True  # MongoDB is away; Redis is all we have, and it knows the session


def _from_mongo(sid: str) -> dict | None:
    row = Row.find(sid_hash(sid), life())
    if row is None:
        return None
    data = decode(row["data"])
    if not _extend(sid):
        return None
    if rollout.in_rollout("sessions", sid):
        redis.run(STORE, keys_of(sid), [row["data"], unused(), "NX"], "session")
    return data


def write(sid: str, data: dict, new: bool, since: datetime | None = None) -> bool:
    """Store a session, MongoDB first. False if it has been ended meanwhile.

    ``since``: the log-in of the session that this new one goes on from.
    """
    text, user, key = encode(data), str(data.get("userId") or ""), sid_hash(sid)
    if new:
        Row.add(key, text, user, seal(sid), life(), since)
    elif not Row.rewrite(key, text, user, life()):
        _end_in_redis(sid)
        return False
    _extended.put(key, time.monotonic())
    told: Any = None
    if rollout.in_rollout("sessions", sid):
        told = redis.run(STORE, keys_of(sid), [text, unused(), ""], "session")
    elif not new and rollout.writes("sessions"):
        # For another process it may be in the cohort already, or still: it stores nothing older.
        told = redis.run(END, keys_of(sid), [OVERTAKEN_SECONDS], "session")
    if told is not DOWN and not new:
        Row.told([key], data=text)
    return True


def since(sid: str) -> datetime | None:
    """When somebody logged in to this session, as far as that is known."""
    row = Row.find(sid_hash(sid), life())
    return row.get("since") if row else None


def end(sid: str) -> None:
    """End one session: the tombstone in MongoDB decides, then Redis is told."""
    key = sid_hash(sid)
    Row.end(key, seal(sid), unused())
    if _end_in_redis(sid) is not DOWN:
        Row.told([key])


def _end_in_redis(sid: str) -> Any:
    """Asked after MongoDB was told: what is not announced to Redis nobody finds there."""
    if not rollout.writes("sessions"):
        return None
    told = redis.run(END, keys_of(sid), [ENDED_SECONDS], "session")
    if told is DOWN:
        redis_was_not_told()
    return told


def redis_was_not_told() -> None:
    """Of an ended session: no process may go on believing Redis, before the end is acknowledged."""
    if redis.is_up():
        redis.suspect("it could not be told of an ended session")
    isolation.say()


def unused() -> int:
    """Seconds a session stays without being used (TTL_SESSIONS)."""
    return int(current_app.config["TTL_SESSIONS"])


def life() -> Life:
    """How long a session stays, unused and at the longest (SESSION_MAX_DAYS)."""
    return Life(unused(), int(current_app.config["SESSION_MAX_DAYS"]) * DAY)


def keys_of(sid: str) -> list[str]:
    """The session in Redis, and the mark that it has ended."""
    name = PREFIX + sid
    return [name, f"ended:{{{name}}}"]
