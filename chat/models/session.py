"""Sessions in MongoDB, the source of truth for those in Redis.

``_id`` is the SHA-256 of the session id, so a reader of the database cannot use a session. The id
itself is stored encrypted with SECRET_KEY (`chat.auth.sessions.ids`). It is needed to find a
session in Redis when it is ended by another person, or repaired after an outage. Only MongoDB's
clock decides when a session ends: a process with a wrong clock logs no person out.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from mongoengine import BinaryField, BooleanField, DateTimeField, Document, StringField


class Life(NamedTuple):
    """Lifetimes in seconds: of an unused session, and of any session since its log-in."""

    unused: int
    longest: int


class Session(Document):
    """One session.

    ``ended`` marks a tombstone: the session must not be restored. ``redis_dirty``: Redis may have
    other data and must be updated.
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
        """The row of a live session; None if it is unknown, ended or expired."""
        used = {"$gt": ["$expires_at", "$$NOW"]}
        alive = {"$expr": {"$and": [used, _is_young(life)]}}
        return cls._get_collection().find_one({"_id": key, "ended": {"$ne": True}, **alive})

    @classmethod
    def known(cls, keys: list[str]) -> set[str]:
        """The keys that are sessions of ours, including ended ones."""
        return {
            row["_id"] for row in cls._get_collection().find({"_id": {"$in": keys}}, {"_id": 1})
        }

    @classmethod
    def add(
        cls, key: str, data: str, user: str, sealed: bytes, life: Life, since: datetime | None
    ) -> None:
        """Store a new session. ``since``: an earlier log-in that it continues."""
        new = {"data": data, "user": user, "sealed": sealed} | ({"since": since} if since else {})
        # An existing session or tombstone has data: then this raises DuplicateKeyError.
        cls._get_collection().update_one({"_id": key, "data": None}, _to(new, life), upsert=True)

    @classmethod
    def rewrite(cls, key: str, data: str, user: str, life: Life) -> bool:
        """Replace the data of a live session; False if it is not live. Never inserts."""
        new = {"data": data, "user": user, "redis_dirty": True}
        return cls._update(key, _to(new, life), life)

    @classmethod
    def extend(cls, key: str, life: Life) -> bool:
        """Extend a live session; False if it is not live."""
        return cls._update(key, _to({}, life), life)

    @classmethod
    def _update(cls, key: str, change: list[dict], life: Life) -> bool:
        alive = {"_id": key, "ended": {"$ne": True}, "$expr": _is_young(life)}
        return bool(cls._get_collection().update_one(alive, change).matched_count)

    @classmethod
    def end(cls, key: str, sealed: bytes, life: int) -> None:
        """Store a tombstone, even without a session: a slow request may store one later."""
        tombstone = _end(_TOMBSTONE | {"sealed": sealed}, life)
        cls._get_collection().update_one({"_id": key}, tombstone, upsert=True)

    @classmethod
    def end_of_user(cls, user: str, except_key: str | None, life: int) -> list[dict]:
        """End all sessions of a person except one; the ended rows (``_id``, ``sealed``)."""
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
        """The sessions that must still be updated in Redis."""
        yield from cls._get_collection().find({"redis_dirty": True}, {"sealed": 1, "ended": 1})

    @classmethod
    def tombstones(cls) -> Iterator[dict]:
        """All ended sessions: a Redis that came back may have lost their end."""
        yield from cls._get_collection().find({"ended": True}, {"sealed": 1, "ended": 1})

    @classmethod
    def told(cls, keys: Iterable[str], data: str | None = None) -> None:
        """Note that Redis is up to date. With ``data``, only if the row still has this data."""
        query: dict[str, Any] = {"_id": {"$in": list(keys)}, "redis_dirty": True}
        if data is not None:
            query["data"] = data
        cls._get_collection().update_many(query, {"$unset": {"redis_dirty": ""}})


# Old sessions without this field count from their next use.
_SINCE = {"$ifNull": ["$since", "$$NOW"]}


def _add(moment: Any, seconds: int) -> dict:
    """An expression for a time some seconds later, computed by MongoDB."""
    return {"$add": [moment, seconds * 1000]}


def _is_young(life: Life) -> dict:
    return {"$gt": [_add(_SINCE, life.longest), "$$NOW"]}


def _to(fields: dict, life: Life) -> list[dict]:
    """An update that sets fields and the end of the session, by both lifetimes."""
    ends = {"$min": [_add("$$NOW", life.unused), _add("$since", life.longest)]}
    return [{"$set": {"since": _SINCE} | _literal(fields)}, {"$set": {"expires_at": ends}}]


def _end(fields: dict, seconds: int) -> list[dict]:
    """An update that sets fields and an end after some seconds."""
    return [{"$set": _literal(fields) | {"expires_at": _add("$$NOW", seconds)}}]


def _literal(fields: dict) -> dict:
    return {name: {"$literal": value} for name, value in fields.items()}


_TOMBSTONE = {"ended": True, "data": "{}", "redis_dirty": True}
