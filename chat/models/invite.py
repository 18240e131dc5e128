"""Invite links, with which people may register."""

import secrets
from datetime import datetime, timedelta

from bson import ObjectId
from mongoengine import DateTimeField, Document, IntField, ObjectIdField, StringField

from chat.models import base


class Invite(Document):
    """One invite. Valid until ``expires_at``; deleted when revoked. ``uses``: registrations."""

    code = StringField(primary_key=True, default=lambda: secrets.token_urlsafe(12))
    created_by = ObjectIdField(required=True)
    created_at = DateTimeField(default=base.now)
    expires_at = DateTimeField(required=True)
    uses = IntField(default=0)

    meta = {
        "collection": "invites",
        "auto_create_index": False,
        "indexes": [{"fields": ["expires_at"], "expireAfterSeconds": 0}],
    }

    @classmethod
    def issue(cls, created_by: str, days: int) -> dict:
        """Make a new invite that is valid for so many days."""
        expires: datetime = base.now() + timedelta(days=days)
        return to_invite(cls(created_by=created_by, expires_at=expires).save().to_mongo())

    @classmethod
    def find_valid(cls, code: str) -> dict | None:
        """The invite if it is valid, else None. The TTL index may delete it up to a minute late."""
        row = cls._get_collection().find_one({"_id": code, "expires_at": {"$gt": base.now()}})
        return to_invite(row) if row else None

    @classmethod
    def count_use(cls, code: str) -> None:
        """Count one registration."""
        cls._get_collection().update_one({"_id": code}, {"$inc": {"uses": 1}})

    @classmethod
    def revoke(cls, code: str) -> bool:
        """End it at once; False if there was none."""
        return bool(cls._get_collection().delete_one({"_id": code}).deleted_count)

    @classmethod
    def revoke_all(cls, user_id: str) -> None:
        """Delete all invites that a person created."""
        cls._get_collection().delete_many({"created_by": ObjectId(user_id)})

    @classmethod
    def newest_valid(cls, first: int, limit: int) -> list[dict]:
        """Valid invites, newest first: ``limit`` of them, from ``first`` on."""
        rows = cls._get_collection().find(_valid())
        newest = rows.sort([("created_at", -1), ("_id", 1)]).skip(first).limit(limit)
        return [to_invite(row) for row in newest]

    @classmethod
    def count_valid(cls) -> int:
        """The number of valid invites."""
        return cls._get_collection().count_documents(_valid())


def _valid() -> dict:
    return {"expires_at": {"$gt": base.now()}}


def to_invite(row: dict) -> dict:
    """The plain form."""
    return {
        "code": row["_id"],
        "created_by": str(row["created_by"]),
        "created_at": base.iso(row["created_at"]),
        "expires_at": base.iso(row["expires_at"]),
        "uses": row.get("uses", 0),
    }
