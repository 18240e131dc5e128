"""Sessions as MongoDB keeps them: the truth behind Redis.

``_id`` is the SHA-256 of the session's id, so whoever reads the database holds nobody's session.
The id itself is kept sealed with SECRET_KEY (`chat.sessions`), because a session that is ended for
somebody else, or repaired after an outage, must be found in Redis too, under its id.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from mongoengine import BinaryField, BooleanField, DateTimeField, Document, StringField

from chat.models import base


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
    def find(cls, key: str) -> dict | None:
        """The live session's row, or None (unknown, ended, or expired but not yet swept away)."""
        row = cls._get_collection().find_one({"_id": key, "ended": {"$ne": True}})
        return row if row and row["expires_at"] > base.now() else None

    @classmethod
    def add(cls, key: str, data: str, user: str, sealed: bytes, expires: datetime) -> None:
        """A new session. Redis has never heard of it, so nothing is dirty."""
        cls._get_collection().insert_one(
            {"_id": key, "data": data, "user": user, "sealed": sealed, "expires_at": expires}
        )

    @classmethod
    def rewrite(cls, key: str, data: str, user: str, expires: datetime) -> bool:
        """New data for a session that still lives; False if it does not. Never an upsert."""
        fields = {"data": data, "user": user, "expires_at": expires, "redis_dirty": True}
        return cls._update(key, {"$set": fields})

    @classmethod
    def extend(cls, key: str, expires: datetime) -> bool:
        """A later end for a session that still lives; False if it does not."""
        return cls._update(key, {"$max": {"expires_at": expires}})

    @classmethod
    def _update(cls, key: str, change: dict) -> bool:
        found = cls._get_collection().update_one({"_id": key, "ended": {"$ne": True}}, change)
        return bool(found.matched_count)

    @classmethod
    def end(cls, key: str, sealed: bytes, until: datetime) -> None:
        """Leave a tombstone, also where there was no session: a slow request may yet store one."""
        tombstone = _TOMBSTONE | {"sealed": sealed, "expires_at": until}
        cls._get_collection().update_one({"_id": key}, {"$set": tombstone}, upsert=True)

    @classmethod
    def end_of_user(cls, user: str, except_key: str | None, until: datetime) -> list[dict]:
        """Tombstones for everything of one person; the ended rows (``_id``, ``sealed``)."""
        query: dict[str, Any] = {"user": user, "ended": {"$ne": True}}
        if except_key:
            query["_id"] = {"$ne": except_key}
        rows = cls._get_collection()
        ended = list(rows.find(query, {"sealed": 1}))
        keys = [row["_id"] for row in ended]
        if keys:
            change = {"$set": _TOMBSTONE | {"expires_at": until}}
            rows.update_many({"_id": {"$in": keys}}, change)
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


_TOMBSTONE = {"ended": True, "data": "{}", "redis_dirty": True}
