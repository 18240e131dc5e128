"""A person with an account (R29)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, Document, IntField, StringField
from pymongo import UpdateOne

from chat.models import base

ROLES = ("member", "moderator", "admin", "owner")


def at_least(role: str | None, minimum: str) -> bool:
    """Whether a role has at least the rights of ``minimum``: member, moderator, admin, owner."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(minimum)


class User(Document):
    """One person.

    ``nickname_key`` is the nickname without case and width (chat.text.validate.nickname_key), and
    unique. ``look`` (chat.text.lookalikes) is unique, too, so that of two simultaneous
    registrations with similar names one is refused. Accounts older than this rule have no ``look``.

    ``auth_gen`` grows whenever all earlier log-ins must end (new password, deactivation).
    """

    nickname = StringField(required=True)
    nickname_key = StringField(required=True)
    look = StringField()
    password_hash = StringField(required=True)
    role = StringField(required=True, choices=ROLES, default="member")
    status = StringField(default="")
    locale = StringField(default="")
    theme = StringField(default="system")
    active = BooleanField(default=True)
    auth_gen = IntField(default=1)
    last_active = DateTimeField(default=base.now)
    created_at = DateTimeField(default=base.now)

    # Whether a change affects the list of people, not just this person (chat.cache.invalidation).
    reorders = True
    stored: "dict | None" = None

    meta = {
        "collection": "users",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["nickname_key"], "unique": True},
            {"fields": ["look"], "unique": True, "sparse": True},
            {"fields": ["active", "-last_active", "-id"]},
            {"fields": ["role"]},
        ],
    }

    @classmethod
    def change(cls, user_id: str | ObjectId, only_if: dict | None = None, **fields: Any) -> bool:
        """Set fields (MongoEngine update syntax) atomically and announce it; False if no match."""
        document = cls(id=user_id)
        document.reorders = "set__active" in fields
        with base.announced(document):
            found = cls.objects(id=user_id, **(only_if or {})).modify(new=True, **fields)
            document.stored = found and found.to_mongo().to_dict()
        return found is not None

    @classmethod
    def raw(cls, user_id: str | ObjectId) -> dict | None:
        """The stored document of one person, or None."""
        oid = base.object_id(user_id)
        return cls._get_collection().find_one({"_id": oid}) if oid else None

    @classmethod
    def profiles(cls, ids: Iterable[str]) -> dict[str, dict]:
        """Profiles by id, in the order asked for; the unknown are left out. One query."""
        wanted = [oid for oid in map(base.object_id, ids) if oid]
        rows = cls._get_collection().find({"_id": {"$in": wanted}}, _PROFILE) if wanted else []
        found = {row["_id"]: to_profile(row) for row in rows}
        return {str(oid): found[oid] for oid in wanted if oid in found}

    @classmethod
    def by_nickname(cls, key: str) -> dict | None:
        """The stored document with this folded nickname."""
        return cls._get_collection().find_one({"nickname_key": key})

    @classmethod
    def about_how_many(cls) -> int:
        """The approximate number of people, from the metadata of the collection."""
        return cls._get_collection().estimated_document_count()

    @classmethod
    def activity(cls, since: datetime | None = None) -> Iterable[tuple[str, datetime]]:
        """(id, last_active) of every active person, for the cached order of the user list.

        ``since``: only of people active since then.
        """
        query: dict[str, Any] = {"active": True}
        if since is not None:
            query["last_active"] = {"$gte": since}
        rows = cls._get_collection().find(query, {"last_active": 1}, batch_size=1000)
        return ((str(row["_id"]), row["last_active"]) for row in rows)

    @classmethod
    def recent(cls, limit: int, before: tuple[datetime, ObjectId] | None) -> list[dict]:
        """A page of active people, most recently active first, after the cursor."""
        query: dict[str, Any] = {"active": True}
        if before:
            moment, oid = before
            query["$or"] = [
                {"last_active": {"$lt": moment}},
                {"last_active": moment, "_id": {"$lt": oid}},
            ]
        rows = cls._get_collection().find(query, _PROFILE | {"last_active": 1})
        return list(rows.sort([("last_active", -1), ("_id", -1)]).limit(limit))

    @classmethod
    def named_like(
        cls, patterns: list[str], limit: int, besides: Iterable[ObjectId] = ()
    ) -> list[dict]:
        """Active people whose folded nickname matches one of the patterns, by nickname.

        Uses the index of nicknames: a range of it for ``^`` patterns, else a scan of all keys.
        """
        query: dict[str, Any] = {
            "$or": [{"nickname_key": {"$regex": pattern}} for pattern in patterns],
            "active": True,
            "_id": {"$nin": list(besides)},
        }
        found = cls._get_collection().find(query, _PROFILE)
        return list(found.sort("nickname_key", 1).limit(limit))

    @classmethod
    def touch_all(cls, moments: dict[str, datetime]) -> None:
        """Write many last_active at once (R26); later moments win. The caller tells the cache."""
        cls._get_collection().bulk_write(
            [
                UpdateOne({"_id": ObjectId(uid)}, {"$max": {"last_active": moment}})
                for uid, moment in moments.items()
            ],
            ordered=False,
        )

    @classmethod
    def last_active_of(cls, ids: list[str]) -> dict[str, datetime]:
        """When each of these people was last active."""
        wanted = [oid for oid in map(base.object_id, ids) if oid]
        rows = cls._get_collection().find({"_id": {"$in": wanted}}, {"last_active": 1})
        return {str(row["_id"]): row["last_active"] for row in rows}

    @classmethod
    def count_owners(cls) -> int:
        """How many active owners there are."""
        return cls.objects(role="owner", active=True).count()

    @classmethod
    def accounts(cls, patterns: list[str], first: int, limit: int) -> list[dict]:
        """Profiles by nickname, deactivated people included: ``limit`` of them, from ``first`` on.

        ``patterns``: the folded nickname matches one of them; all people if there are none.
        """
        rows = cls._get_collection().find(_named(patterns), _PROFILE)
        return [to_profile(row) for row in rows.sort("nickname_key", 1).skip(first).limit(limit)]

    @classmethod
    def count_accounts(cls, patterns: list[str]) -> int:
        """The number of all ``accounts``."""
        return cls._get_collection().count_documents(_named(patterns))


def _named(patterns: list[str]) -> dict:
    found = [{"nickname_key": {"$regex": pattern}} for pattern in patterns]
    return {"$or": found} if found else {}


_PROFILE = dict.fromkeys(
    ("nickname", "role", "status", "locale", "theme", "active", "auth_gen", "created_at"), 1
)


def to_profile(row: dict) -> dict:
    """The plain form of a person, without ``last_active``, which changes too often."""
    return {
        "id": str(row["_id"]),
        "nickname": row["nickname"],
        "role": row["role"],
        "status": row.get("status") or "",
        "active": row.get("active", True),
        "auth_gen": row.get("auth_gen", 1),
        "locale": row.get("locale") or "",
        "theme": row.get("theme") or "system",
        "created_at": base.iso(row["created_at"]),
    }
