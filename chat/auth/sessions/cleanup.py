"""Removes sessions from Redis: all of one person, and those that Redis was not told about.

MongoDB is always written first (``chat.auth.sessions.store``).
"""

import logging
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from pymongo.errors import PyMongoError

from chat import rollout
from chat.auth.sessions.ids import sid_hash, unseal
from chat.auth.sessions.store import END, ENDED_SECONDS, PREFIX, keys_of, redis_was_not_told, unused
from chat.logging.redaction import brief
from chat.models.session import Session
from chat.redis import DOWN, scripts
from chat.redis.client import redis

log = logging.getLogger(__name__)

BATCH = 500


def known(names: list[str]) -> list[str]:
    """The keys in ``names`` that are our sessions; none while MongoDB is down."""
    keys = {name: sid_hash(name.removeprefix(PREFIX)) for name in names}
    try:
        found = Session.known(list(keys.values()))
    except PyMongoError:
        return []
    return [name for name in names if keys[name] in found]


def end_of_user(user_id: str, except_sid: str | None) -> None:
    """End all sessions of one person."""
    spared = sid_hash(except_sid) if except_sid else None
    rows = Session.end_of_user(user_id, spared, unused())
    if not _tell_redis(rows) and rollout.writes("sessions"):
        redis_was_not_told()


def repair() -> bool:
    """Remove ended and outdated sessions before Redis is trusted again. False if that failed.

    All tombstones are used, not only the dirty ones: a server that restarted from its disk, or a
    promoted replica, may have lost a deletion that it had confirmed.
    """
    try:
        return _tell_redis(Session.tombstones()) and _tell_redis(Session.dirty())
    except PyMongoError as error:
        log.warning("sessions cannot be repaired yet: %s", brief(error))
        return False


def sweep() -> bool:
    """Remove sessions of a process that was killed between its writes to MongoDB and Redis.

    Called every few seconds while Redis is up. False if it failed.
    """
    try:
        return _tell_redis(Session.dirty())
    except PyMongoError:
        return False


def _tell_redis(rows: Iterable[dict]) -> bool:
    """Remove these sessions from Redis; live ones are then read from MongoDB. False if DOWN."""
    known = iter(rows)
    while batch := list(islice(known, BATCH)):
        sids = {row["_id"]: unseal(row.get("sealed"), row["_id"]) for row in batch}
        ended = {row["_id"] for row in batch if row.get("ended")}
        forget = _forget(sids, ended) if rollout.writes("sessions") else _nothing
        if redis.call(forget, "session repair") is DOWN:
            return False
        Session.told(sids)
    return True


def _nothing(client: Any) -> int:
    """Do nothing: no process reads sessions from Redis now."""
    return 0


def _forget(sids: dict[str, str | None], ended: set[str]) -> Callable[[Any], int]:
    """Delete sessions. Ended ones leave a mark, so that a read in progress cannot restore them."""

    def forget(client: Any) -> int:
        found = {key: sid for key, sid in sids.items() if sid}
        found |= _search(client, sids.keys() - found.keys())
        calls: list[scripts.Call] = [
            (END, keys_of(sid), [ENDED_SECONDS]) for key, sid in found.items() if key in ended
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
    """Find ids by their hash, for ids that were sealed with another SECRET_KEY."""
    if not lost:
        return {}
    names = client.scan_iter(match=f"{PREFIX}*", count=BATCH)
    sids = (name.removeprefix(PREFIX) for name in names)
    return {sid_hash(sid): sid for sid in sids if sid_hash(sid) in lost}
