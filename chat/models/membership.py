"""Memberships: the members of each channel, and how far each has read."""

from typing import Any

from bson import ObjectId
from mongoengine import DateTimeField, Document, IntField, ObjectIdField
from mongoengine.errors import NotUniqueError

from chat.models import base
from chat.models.message import IN_STREAM

MOST_UNREAD = 100


class Membership(Document):
    """One membership. Unread counts are computed from ``last_read_seq`` and the messages."""

    channel = ObjectIdField(required=True)
    user = ObjectIdField(required=True)
    last_read_seq = IntField(default=0)
    joined_at = DateTimeField(default=base.now)

    # Whether a change only moves the reader's mark, and whether it is known to have moved it
    # (chat.cache.invalidation).
    moves_mark = moved = False

    meta = {
        "collection": "memberships",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["channel", "user"], "unique": True},
            {"fields": ["user"]},
        ],
    }

    @classmethod
    def add(cls, channel_id: str, user_id: str, last_read_seq: int = 0) -> bool:
        """Add a member; False if the person is one already."""
        document = cls(channel=channel_id, user=user_id, last_read_seq=last_read_seq)
        try:
            document.save(force_insert=True)
        except NotUniqueError:
            base.write_refused.send(cls, document=document)
            return False
        return True

    @classmethod
    def remove(cls, channel_id: str, user_id: str) -> bool:
        """End a membership; False if there was none."""
        document = cls(channel=channel_id, user=user_id)
        with base.announced(document):
            gone = cls._get_collection().delete_one(
                {"channel": ObjectId(channel_id), "user": ObjectId(user_id)}
            )
        return bool(gone.deleted_count)

    @classmethod
    def read_up_to(cls, channel_id: str, user_id: str, seq: int) -> bool:
        """Move the reader's mark forward, never back; False if it did not move."""
        document = cls(channel=channel_id, user=user_id, last_read_seq=seq)
        document.moves_mark = True
        query = {
            "channel": ObjectId(channel_id),
            "user": ObjectId(user_id),
            "last_read_seq": {"$lt": seq},
        }
        with base.announced(document):
            moved = cls._get_collection().update_one(query, {"$set": {"last_read_seq": seq}})
            document.moved = bool(moved.modified_count)
            document.refused = not document.moved
        return document.moved

    @classmethod
    def user_ids(cls, channel_id: str) -> set[str]:
        """The ids of a channel's members."""
        rows = cls._get_collection().find({"channel": ObjectId(channel_id)}, {"user": 1, "_id": 0})
        return {str(row["user"]) for row in rows}

    @classmethod
    def exists(cls, channel_id: str, user_id: str) -> bool:
        """Whether a person is a member of a channel."""
        query = {"channel": ObjectId(channel_id), "user": ObjectId(user_id)}
        return cls._get_collection().find_one(query, {"_id": 1}) is not None

    @classmethod
    def channel_ids_of(cls, user_id: str) -> set[str]:
        """The ids of a person's channels."""
        rows = cls._get_collection().find({"user": ObjectId(user_id)}, {"channel": 1, "_id": 0})
        return {str(row["channel"]) for row in rows}

    @classmethod
    def channel_ids_of_all(cls, user_ids: list[str]) -> dict[str, set[str]]:
        """``channel_ids_of`` for many people, in one query."""
        found: dict[str, set[str]] = {user_id: set() for user_id in user_ids}
        wanted = {"user": {"$in": [ObjectId(user_id) for user_id in found]}}
        for row in cls._get_collection().find(wanted, {"channel": 1, "user": 1, "_id": 0}):
            found[str(row["user"])].add(str(row["channel"]))
        return found

    @classmethod
    def marks_of(cls, user_id: str) -> dict[str, int]:
        """The ids of a person's channels, with the last_read_seq in each."""
        wanted = {"channel": 1, "last_read_seq": 1, "_id": 0}
        rows = cls._get_collection().find({"user": ObjectId(user_id)}, wanted)
        return {str(row["channel"]): row["last_read_seq"] for row in rows}

    @classmethod
    def reading_of(cls, user_id: str, channel_id: str | None = None) -> dict[str, dict]:
        """Per channel of a person: {last_read_seq, last_seq, unread}, in one query.

        ``unread`` leaves out deleted messages and the person's own, and stops at MOST_UNREAD.
        """
        match: dict[str, Any] = {"user": ObjectId(user_id)}
        if channel_id:
            match["channel"] = ObjectId(channel_id)
        rows = cls._get_collection().aggregate([{"$match": match}, *_READING])
        return {str(row["channel"]): _reading(row) for row in rows}


def _reading(row: dict) -> dict:
    last = row["last"][0]["seq"] if row["last"] else 0
    unread = row["unread"][0]["n"] if row["unread"] else 0
    return {"last_read_seq": row["last_read_seq"], "last_seq": last, "unread": unread}


_READING: list[dict] = [
    {
        "$lookup": {
            "from": "messages",
            "let": {"channel": "$channel"},
            "pipeline": [
                {"$match": {"$expr": {"$eq": ["$channel", "$$channel"]}, **IN_STREAM}},
                {"$sort": {"seq": -1}},
                {"$limit": 1},
                {"$project": {"seq": 1, "_id": 0}},
            ],
            "as": "last",
        }
    },
    {
        "$lookup": {
            "from": "messages",
            "let": {"channel": "$channel", "user": "$user", "mark": "$last_read_seq"},
            "pipeline": [
                {
                    "$match": {
                        "$expr": {
                            "$and": [
                                {"$eq": ["$channel", "$$channel"]},
                                {"$gt": ["$seq", "$$mark"]},
                                {"$ne": ["$author", "$$user"]},
                                {"$eq": ["$deleted", False]},
                            ]
                        },
                        **IN_STREAM,
                    }
                },
                {"$limit": MOST_UNREAD},
                {"$count": "n"},
            ],
            "as": "unread",
        }
    },
    {"$project": {"channel": 1, "last_read_seq": 1, "last": 1, "unread": 1}},
]
