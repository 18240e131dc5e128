"""Reads, writes and ends a session in Redis and MongoDB."""

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
from chat.models.session import Life, Session
from chat.redis import DOWN, scripts
from chat.redis.client import redis
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)

PREFIX = "session:"
DAY = 86_400
REFRESH_REDIS = 60  # seconds between two extensions of a session's lifetime in Redis
REFRESH_MONGO = 300  # the same in MongoDB
ENDED_SECONDS = 600  # lifetime of an ended mark: longer than any request in progress
OVERTAKEN_SECONDS = 30  # the same, against a read in progress that would store an old session

# KEYS: session. Returns its data and its lifetime in seconds. A value of another type is not ours;
# it is returned as "", which cannot be decoded.
READ = """
local text = redis.pcall('GET', KEYS[1])
if type(text) == 'table' then
  if not string.find(text.err, 'WRONGTYPE', 1, true) then return text end
  text = ''
end
return {text, redis.call('TTL', KEYS[1])}
"""
# KEYS: session, ended mark. ARGV: data, seconds, "NX" or "". Never restores an ended session. Our
# mark is '1' and has a lifetime. Any other mark is deleted, because it would block the session for
# ever.
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
# DEL comes first: if the memory is full, the script stops at its first SET, but not at a DEL.
END = """
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], '1', 'EX', ARGV[1])
return 1
"""


def _store_in_steps(client: Any, keys: list[str], args: list[Any]) -> int:
    """While the slot moves, store nothing: the session is read from MongoDB."""
    if args[2] != "NX":
        client.delete(keys[0])
    return 0


def _end_in_steps(client: Any, keys: list[str], args: list[Any]) -> int:
    """Set the mark first, so that a STORE in between finds it."""
    client.set(keys[1], "1", ex=args[0])
    client.delete(keys[0])
    return 1


scripts.in_steps(STORE, _store_in_steps)
scripts.in_steps(END, _end_in_steps)

_extended: LRU[str, float] = LRU(10_000)  # session hash → when last extended in MongoDB


def encode(data: dict) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def decode(text: str | bytes) -> dict:
    """The data of a session. Raises ValueError if the text is no JSON object."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("a session is a JSON object")
    return data


def decode_cached(text: str | bytes | None) -> dict | None:
    """The data of a session from the text in Redis; None if there is none or it is invalid."""
    try:
        return shapes.session(text) if text is not None else None
    except UNREADABLE:
        return None


def load(sid: str, read: list[Any] | None = None) -> dict | None:
    """The data of a session, or None. Raises PyMongoError if only MongoDB has it and is down.

    ``read``: the answer of ``call``, if it was made in this request. Redis is not asked while a
    process is cut off, because such a process ends sessions only in MongoDB.
    """
    asked = rollout.in_rollout("sessions", sid) and not isolation.elsewhere()
    data = _from_redis(sid, read) if asked else None
    telemetry.session(data is not None, asked, redis)
    return data if data is not None else _from_mongo(sid)


def call(sid: str) -> scripts.Call:
    """The script call that reads a session, for a pipeline; answers data and lifetime in s."""
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
    """Delete an unreadable session from Redis, if it is ours. It is then read from MongoDB."""
    if Session.known([sid_hash(sid)]):
        log.warning("session %s: unreadable in Redis, asking MongoDB", sid_hash(sid)[:8])
        redis.call(lambda client: client.delete(PREFIX + sid), "session")


def slide(sid: str, left: int) -> bool:
    """Extend the lifetime of a session in use. False if it has ended in MongoDB.

    ``left``: its lifetime in Redis in seconds.
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
        return Session.extend(key, life())
    except PyMongoError:
        _extended.drop(key)
        return True  # MongoDB is down, and Redis has the session


def _from_mongo(sid: str) -> dict | None:
    row = Session.find(sid_hash(sid), life())
    if row is None:
        return None
    data = decode(row["data"])
    if not _extend(sid):
        return None
    if rollout.in_rollout("sessions", sid):
        redis.run(STORE, keys_of(sid), [row["data"], unused(), "NX"], "session")
    return data


def write(sid: str, data: dict, new: bool, since: datetime | None = None) -> bool:
    """Store a session, first in MongoDB. False if it has ended meanwhile.

    ``since``: the log-in time of the session that this new one replaces.
    """
    text, user, key = encode(data), str(data.get("userId") or ""), sid_hash(sid)
    if new:
        Session.add(key, text, user, seal(sid), life(), since)
    elif not Session.rewrite(key, text, user, life()):
        _end_in_redis(sid)
        return False
    _extended.put(key, time.monotonic())
    told: Any = None
    if rollout.in_rollout("sessions", sid):
        told = redis.run(STORE, keys_of(sid), [text, unused(), ""], "session")
    elif not new and rollout.writes("sessions"):
        # Another process with other percentages may use Redis for this session. The mark stops it
        # from storing older data.
        told = redis.run(END, keys_of(sid), [OVERTAKEN_SECONDS], "session")
    if told is not DOWN and not new:
        Session.told([key], data=text)
    return True


def since(sid: str) -> datetime | None:
    """The time of the log-in to this session; None if it is unknown."""
    row = Session.find(sid_hash(sid), life())
    return row.get("since") if row else None


def end(sid: str) -> None:
    """End one session: write the tombstone to MongoDB, then delete it from Redis."""
    key = sid_hash(sid)
    Session.end(key, seal(sid), unused())
    if _end_in_redis(sid) is not DOWN:
        Session.told([key])


def _end_in_redis(sid: str) -> Any:
    """Delete the session from Redis and set the mark, after the write to MongoDB.

    Does nothing if no process reads sessions from Redis now.
    """
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
    """The seconds after which an unused session ends (TTL_SESSIONS)."""
    return int(current_app.config["TTL_SESSIONS"])


def life() -> Life:
    """The lifetimes of a session: unused (TTL_SESSIONS) and at most (SESSION_MAX_DAYS)."""
    return Life(unused(), int(current_app.config["SESSION_MAX_DAYS"]) * DAY)


def keys_of(sid: str) -> list[str]:
    """The keys in Redis of a session and of its ended mark."""
    name = PREFIX + sid
    return [name, f"ended:{{{name}}}"]
