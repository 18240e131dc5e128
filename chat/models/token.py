"""Bearer tokens for programs; only a hash is stored."""

import secrets
from hashlib import sha256

from bson import ObjectId
from mongoengine import DateTimeField, Document, IntField, ObjectIdField, StringField

from chat.models import base

PREFIX = "chat_"


class AccessToken(Document):
    """One token. ``digest`` is its SHA-256: 256 random bits need no slow hash.

    ``auth_gen`` is the generation of its owner's account. A change of password begins a new one,
    and tokens of older ones are invalid, even one that is created at that moment.
    """

    user = ObjectIdField(required=True)
    name = StringField(required=True)
    digest = StringField(required=True)
    auth_gen = IntField()  # old tokens have none
    created_at = DateTimeField(default=base.now)

    meta = {
        "collection": "tokens",
        "auto_create_index": False,
        "indexes": [{"fields": ["digest"], "unique": True}, {"fields": ["user"]}],
    }

    @classmethod
    def issue(cls, user_id: str, name: str, auth_gen: int) -> dict:
        """A new token; its text is in the answer and nowhere else."""
        token = PREFIX + secrets.token_urlsafe(32)
        document = cls(user=user_id, name=name, digest=_digest(token), auth_gen=auth_gen).save()
        return to_token(document.to_mongo()) | {"token": token}

    @classmethod
    def find_owner(cls, token: str) -> tuple[str, int | None] | None:
        """(the user id, the generation) of a token, or None."""
        wanted = {"user": 1, "auth_gen": 1}
        row = cls._get_collection().find_one({"digest": _digest(token)}, wanted)
        return (str(row["user"]), row.get("auth_gen")) if row else None

    @classmethod
    def revoke(cls, user_id: str, token_id: str) -> bool:
        """End one of somebody's tokens; False if they have no such token."""
        oid = base.object_id(token_id)
        gone = cls._get_collection().delete_one({"_id": oid, "user": ObjectId(user_id)})
        return bool(gone.deleted_count)

    @classmethod
    def revoke_all(cls, user_id: str) -> None:
        """End all of somebody's tokens."""
        cls._get_collection().delete_many({"user": ObjectId(user_id)})

    @classmethod
    def keep_all(cls, user_id: str, auth_gen: int) -> None:
        """Keep all tokens of a person valid in the generation ``auth_gen``."""
        later = {"$set": {"auth_gen": auth_gen}}
        cls._get_collection().update_many({"user": ObjectId(user_id)}, later)

    @classmethod
    def of(cls, user_id: str) -> list[dict]:
        """Somebody's tokens without their texts, newest first."""
        rows = cls._get_collection().find({"user": ObjectId(user_id)})
        return [to_token(row) for row in rows.sort("created_at", -1)]


def to_token(row: dict) -> dict:
    """The plain form, without the secret."""
    return {
        "id": str(row["_id"]),
        "name": row["name"],
        "created_at": base.iso(row["created_at"]),
    }


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
