"""Where sessions are kept: reading, writing, ending and repairing them in Redis and MongoDB."""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from flask import current_app
from pymongo.errors import PyMongoError

from chat import rollout
from chat.cache import outages
from chat.extensions import redis
from chat.metrics import count
from chat.models.session import Session as Row
from chat.redis import DOWN, scripts

log = logging.getLogger(__name__)

PREFIX = "session:"
ANONYMOUS_LIFE = 3600  # a visitor's form token; people get TTL_SESSIONS
REFRESH_REDIS = 60  # push the end of a session back at most this often, in seconds
REFRESH_MONGO = 300
ENDED_SECONDS = 600  # longer than any request that could still be under way
OVERTAKEN_SECONDS = 30  # the same for a request that is about to store what it has read
BATCH = 500

# KEYS session. Its data and how many seconds it still has.
READ = "return {redis.call('GET', KEYS[1]), redis.call('TTL', KEYS[1])}"
# KEYS session, ended mark. ARGV: data, seconds, "NX" or "". Never brings an ended session back.
STORE = """
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('DEL', KEYS[1]) return 0 end
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

_extended: OrderedDict[str, float] = OrderedDict()  # when this process last told MongoDB


def sid_hash(sid: str) -> str:
    """The name under which logs, rooms and MongoDB know a session; not enough to be it."""
    return hashlib.sha256(sid.encode()).hexdigest()


def encode(data: dict) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def decode(text: str | bytes) -> dict:
    """The session's data; ValueError for anything that is no JSON object."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("a session is a JSON object")
    return data


def read(text: str | bytes | None) -> dict | None:
    """What is in a stored session, or None where there is none or it cannot be read."""
    try:
        return decode(text) if text is not None else None
    except ValueError:
        return None


def load(sid: str, read: list[Any] | None = None) -> dict | None:
    """What is in a session, or None. PyMongoError when MongoDB alone could say, and is gone.

    ``read``: what ``call`` was answered in this very request. A process that is cut off from Redis
    ends sessions in MongoDB alone.
    """
    asked = rollout.in_rollout("sessions", sid) and not outages.elsewhere()
    data = _from_redis(sid, read) if asked else None
    count.session(data is not None, asked, redis)
    return data if data is not None else _from_mongo(sid)


def call(sid: str) -> scripts.Call:
    """The script call that reads a session, for a pipeline: its data, its seconds left."""
    return READ, [PREFIX + sid], []


def _from_redis(sid: str, read: list[Any] | None) -> dict | None:
    answer = read or redis.run(*call(sid), "session", spare=True)
    if answer is DOWN or answer[0] is None:
        return None
    text, left = answer
    try:
        data = decode(text)
    except ValueError:
        log.warning("session %s: unreadable in Redis, asking MongoDB", sid_hash(sid)[:8])
        redis.call(lambda client: client.delete(PREFIX + sid), "session")
        return None
    return data if slide(sid, data, int(left)) else None


def slide(sid: str, data: dict, left: int) -> bool:
    """Push back the end of a session in use. False if MongoDB says that it is no more.

    ``left`` is how many seconds Redis would still keep it.
    """
    life = lifetime(data)
    if life - left >= min(REFRESH_REDIS, life / 2):
        redis.call(lambda client: client.expire(PREFIX + sid, life), "session")
    if _extend(sid, life):
        return True
    _end_in_redis(sid)
    return False


def _extend(sid: str, life: int) -> bool:
    key, now = sid_hash(sid), time.monotonic()
    if now - _extended.get(key, -REFRESH_MONGO) < min(REFRESH_MONGO, life / 2):
        return True
    _remember(key, now)
    try:
        return Row.extend(key, life)
    except PyMongoError:
        _extended.pop(key, None)
        return True  # MongoDB is away; Redis is all we have, and it knows the session


def _remember(key: str, moment: float) -> None:
    _extended[key] = moment
    _extended.move_to_end(key)
    if len(_extended) > 10_000:
        _extended.popitem(last=False)


def _from_mongo(sid: str) -> dict | None:
    row = Row.find(sid_hash(sid))
    if row is None:
        return None
    data = decode(row["data"])
    life = lifetime(data)
    if not _extend(sid, life):
        return None
    if rollout.in_rollout("sessions", sid):
        redis.run(STORE, _keys(sid), [row["data"], life, "NX"], "session")
    return data


def write(sid: str, data: dict, new: bool) -> bool:
    """Store a session, MongoDB first. False if it has been ended meanwhile."""
    text, life, user = encode(data), lifetime(data), str(data.get("userId") or "")
    key = sid_hash(sid)
    if new:
        Row.add(key, text, user, seal(sid), life)
    elif not Row.rewrite(key, text, user, life):
        _end_in_redis(sid)
        return False
    _remember(key, time.monotonic())
    told: Any = None
    if rollout.in_rollout("sessions", sid):
        told = redis.run(STORE, _keys(sid), [text, life, ""], "session")
    elif not new and rollout.writes("sessions"):
        # For another process it may be in the cohort already, or still: it stores nothing older.
        told = redis.run(END, _keys(sid), [OVERTAKEN_SECONDS], "session")
    if told is not DOWN and not new:
        Row.told([key], data=text)
    return True


def end(sid: str) -> None:
    """End one session: the tombstone in MongoDB decides, then Redis is told."""
    key = sid_hash(sid)
    Row.end(key, seal(sid), _longest())
    if _end_in_redis(sid) is not DOWN:
        Row.told([key])


def _end_in_redis(sid: str) -> Any:
    """Asked after MongoDB was told: what is not announced to Redis nobody finds there."""
    if not rollout.writes("sessions"):
        return None
    told = redis.run(END, _keys(sid), [ENDED_SECONDS], "session")
    if told is DOWN and redis.is_up():
        redis.suspect("it could not be told of an ended session")
    return told


def end_of_user(user_id: str, except_sid: str | None) -> None:
    """End all sessions of one person."""
    spared = sid_hash(except_sid) if except_sid else None
    rows = Row.end_of_user(user_id, spared, _longest())
    _tell_redis(rows)


# -- repair --------------------------------------------------------------------------------------


def repair() -> bool:
    """Before Redis is trusted again: take out what it must no longer hold. False if it could not.

    All tombstones, not only the dirty ones: a server that comes back from its disk or as a
    promoted replica may have lost a deletion that it had confirmed.
    """
    try:
        return _tell_redis(Row.tombstones()) and _tell_redis(Row.dirty())
    except PyMongoError as error:
        log.warning("sessions cannot be repaired yet: %s", error)
        return False


def sweep() -> bool:
    """Now and then: what a process left unsaid when it was killed between its two writes."""
    try:
        return _tell_redis(Row.dirty())
    except PyMongoError:
        return False


def _tell_redis(rows: Iterable[dict]) -> bool:
    """Take these sessions out of Redis; those that live are read from MongoDB again."""
    known = iter(rows)
    while batch := list(islice(known, BATCH)):
        sids = {row["_id"]: unseal(row.get("sealed"), row["_id"]) for row in batch}
        ended = {row["_id"] for row in batch if row.get("ended")}
        forget = _forget(sids, ended) if rollout.writes("sessions") else _nothing
        if redis.call(forget, "session repair") is DOWN:
            return False
        Row.told(sids)
    return True


def _nothing(client: Any) -> int:
    """There is none in Redis that anybody would read."""
    return 0


def _forget(sids: dict[str, str | None], ended: set[str]) -> Callable[[Any], int]:
    """The ended ones leave a mark behind, so that no reader under way puts them back."""

    def forget(client: Any) -> int:
        found = {key: sid for key, sid in sids.items() if sid}
        found |= _search(client, sids.keys() - found.keys())
        calls: list[scripts.Call] = [
            (END, _keys(sid), [ENDED_SECONDS]) for key, sid in found.items() if key in ended
        ]
        scripts.run_all(client, calls)
        pipe = client.pipeline(transaction=False)
        for key, sid in found.items():
            if key not in ended:
                pipe.unlink(PREFIX + sid)
        pipe.execute()
        return len(found)

    return forget


def _search(client: Any, lost: set[str]) -> dict[str, str]:
    """Ids that were sealed with another SECRET_KEY are found by their hash."""
    if not lost:
        return {}
    names = client.scan_iter(match=f"{PREFIX}*", count=BATCH)
    sids = (name.removeprefix(PREFIX) for name in names)
    return {sid_hash(sid): sid for sid in sids if sid_hash(sid) in lost}


def seal(sid: str) -> bytes:
    """The id, readable only with SECRET_KEY. The pad is used only for this one."""
    raw = base64.urlsafe_b64decode(sid + "=")
    return bytes(a ^ b for a, b in zip(raw, _pad(sid_hash(sid)), strict=True))


def unseal(sealed: bytes | None, key: str) -> str | None:
    """The id whose hash is `key`, or None if this SECRET_KEY did not seal it."""
    if not sealed or len(sealed) != 32:
        return None
    raw = bytes(a ^ b for a, b in zip(sealed, _pad(key), strict=True))
    sid = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return sid if sid_hash(sid) == key else None


def _pad(key: str) -> bytes:
    secret = current_app.secret_key or ""
    secret = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(secret, b"session:" + key.encode(), "sha256")


# -- small things --------------------------------------------------------------------------------


def lifetime(data: dict) -> int:
    """Seconds a session stays without being used."""
    return _longest() if data.get("userId") else min(ANONYMOUS_LIFE, _longest())


def _longest() -> int:
    return int(current_app.config["TTL_SESSIONS"])


def _keys(sid: str) -> list[str]:
    name = PREFIX + sid
    return [name, f"ended:{{{name}}}"]
