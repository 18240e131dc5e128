"""Sessions that Redis must no longer hold: of one person, and of what it could not be told.

Every one of them has ended in MongoDB already (``chat.auth.sessions.store``).
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
from chat.models.session import Session as Row
from chat.redis import DOWN, scripts
from chat.redis.client import redis

log = logging.getLogger(__name__)

BATCH = 500


def known(names: list[str]) -> list[str]:
    """Those of these keys that are sessions of ours; of none while MongoDB cannot say."""
    keys = {name: sid_hash(name.removeprefix(PREFIX)) for name in names}
    try:
        found = Row.known(list(keys.values()))
    except PyMongoError:
        return []
    return [name for name in names if keys[name] in found]


def end_of_user(user_id: str, except_sid: str | None) -> None:
    """End all sessions of one person."""
    spared = sid_hash(except_sid) if except_sid else None
    rows = Row.end_of_user(user_id, spared, unused())
    if not _tell_redis(rows) and rollout.writes("sessions"):
        redis_was_not_told()


def repair() -> bool:
    """Before Redis is trusted again: take out what it must no longer hold. False if it could not.

    All tombstones, not only the dirty ones: a server that comes back from its disk or as a
    promoted replica may have lost a deletion that it had confirmed.
    """
    try:
        return _tell_redis(Row.tombstones()) and _tell_redis(Row.dirty())
    except PyMongoError as error:
        log.warning("sessions cannot be repaired yet: %s", brief(error))
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
    """Ids that were sealed with another SECRET_KEY are found by their hash."""
    if not lost:
        return {}
    names = client.scan_iter(match=f"{PREFIX}*", count=BATCH)
    sids = (name.removeprefix(PREFIX) for name in names)
    return {sid_hash(sid): sid for sid in sids if sid_hash(sid) in lost}
