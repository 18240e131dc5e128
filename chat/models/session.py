"""Sessions as MongoDB keeps them: the truth behind Redis.

``_id`` is the SHA-256 of the session's id, so whoever reads the database holds nobody's session.
The id itself is kept sealed with SECRET_KEY (`chat.auth.sessions.interface`), because a session
that is ended for somebody else, or repaired after an outage, must be found in Redis too, under its
id. When a session ends is reckoned by MongoDB's clock alone: a process whose clock is wrong logs
nobody out.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from mongoengine import BinaryField, BooleanField, DateTimeField, Document, StringField


class Life(NamedTuple):
    """How many seconds a session stays without being used, and since the log-in at the most."""

    unused: int
    longest: int


class Session(Document):
    """``ended`` marks a tombstone: nothing may bring this session back.

    ``redis_dirty`` is the journal: Redis may hold something else and has to be told.
    """

    id = StringField(primary_key=True)
    user = StringField(default="")
    data = StringField(default="{}")
    sealed = BinaryField()
    ended = BooleanField(default=False)
    redis_dirty = BooleanField()
    since = DateTimeField()  # the log-in; a session ends SESSION_MAX_DAYS later, however it is used
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "sessions",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
            {"fields": ["user"]},
            {"fields": ["ended"], "partialFilterExpression": {"ended": True}},
            {"fields": ["redis_dirty"], "partialFilterExpression": {"redis_dirty": True}},
        ],
    }

    @classmethod
    def find(cls, key: str, life: Life) -> dict | None:
        """The live session's row, or None (unknown, ended, or expired but not yet swept away)."""
        used = {"$gt": ["$expires_at", "$$NOW"]}
        alive = {"$expr": {"$and": [used, _is_young(life)]}}
        return cls._get_collection().find_one({"_id": key, "ended": {"$ne": True}, **alive})

    @classmethod
    def known(cls, keys: list[str]) -> set[str]:
        """Those of these that are or were sessions of ours, ended ones among them."""
        return {
            row["_id"] for row in cls._get_collection().find({"_id": {"$in": keys}}, {"_id": 1})
        }

    @classmethod
    def add(
        cls, key: str, data: str, user: str, sealed: bytes, life: Life, since: datetime | None
    ) -> None:
        """A new session, of now or of the log-in it goes on from. Redis has never heard of it."""
        new = {"data": data, "user": user, "sealed": sealed} | ({"since": since} if since else {})
        # What is there already has data, a tombstone too: then this is a DuplicateKeyError.
        cls._get_collection().update_one({"_id": key, "data": None}, _to(new, life), upsert=True)

    @classmethod
    def rewrite(cls, key: str, data: str, user: str, life: Life) -> bool:
        """New data for a session that still lives; False if it does not. Never an upsert."""
        new = {"data": data, "user": user, "redis_dirty": True}
        return cls._update(key, _to(new, life), life)

    @classmethod
    def extend(cls, key: str, life: Life) -> bool:
        """A later end for a session that still lives; False if it does not."""
        return cls._update(key, _to({}, life), life)

    @classmethod
    def _update(cls, key: str, change: list[dict], life: Life) -> bool:
        alive = {"_id": key, "ended": {"$ne": True}, "$expr": _is_young(life)}
        return bool(cls._get_collection().update_one(alive, change).matched_count)

    @classmethod
    def end(cls, key: str, sealed: bytes, life: int) -> None:
        """Leave a tombstone, also where there was no session: a slow request may yet store one."""
        tombstone = _end(_TOMBSTONE | {"sealed": sealed}, life)
        cls._get_collection().update_one({"_id": key}, tombstone, upsert=True)

    @classmethod
    def end_of_user(cls, user: str, except_key: str | None, life: int) -> list[dict]:
        """Tombstones for everything of one person; the ended rows (``_id``, ``sealed``)."""
        query: dict[str, Any] = {"user": user, "ended": {"$ne": True}}
        if except_key:
            query["_id"] = {"$ne": except_key}
        rows = cls._get_collection()
        ended = list(rows.find(query, {"sealed": 1}))
        keys = [row["_id"] for row in ended]
        if keys:
            rows.update_many({"_id": {"$in": keys}}, _end(_TOMBSTONE, life))
        return [row | {"ended": True} for row in ended]

    @classmethod
    def dirty(cls) -> Iterator[dict]:
        """What Redis has still to be told."""
        yield from cls._get_collection().find({"redis_dirty": True}, {"sealed": 1, "ended": 1})

    @classmethod
    def tombstones(cls) -> Iterator[dict]:
        """Every ended session: a Redis that came back may have forgotten that it ended."""
        yield from cls._get_collection().find({"ended": True}, {"sealed": 1, "ended": 1})

    @classmethod
    def told(cls, keys: Iterable[str], data: str | None = None) -> None:
        """Redis knows. With ``data``, only if the row has not been written again since."""
        query: dict[str, Any] = {"_id": {"$in": list(keys)}, "redis_dirty": True}
        if data is not None:
            query["data"] = data
        cls._get_collection().update_many(query, {"$unset": {"redis_dirty": ""}})


# A session of before this field counts from when it is used next.
_SINCE = {"$ifNull": ["$since", "$$NOW"]}


def _add(moment: Any, seconds: int) -> dict:
    """So many seconds later, by MongoDB's clock: those of the processes may be wrong."""
    return {"$add": [moment, seconds * 1000]}


def _is_young(life: Life) -> dict:
    return {"$gt": [_add(_SINCE, life.longest), "$$NOW"]}


def _to(fields: dict, life: Life) -> list[dict]:
    """A change to these values, which end when nobody uses them, and some day even then."""
    ends = {"$min": [_add("$$NOW", life.unused), _add("$since", life.longest)]}
    return [{"$set": {"since": _SINCE} | _literal(fields)}, {"$set": {"expires_at": ends}}]


def _end(fields: dict, seconds: int) -> list[dict]:
    """A change to these values, which end after so many seconds."""
    return [{"$set": _literal(fields) | {"expires_at": _add("$$NOW", seconds)}}]


def _literal(fields: dict) -> dict:
    return {name: {"$literal": value} for name, value in fields.items()}


_TOMBSTONE = {"ended": True, "data": "{}", "redis_dirty": True}
