"""Messages. Each has two numbers in its channel: ``seq`` by order of posting, ``rev`` of change.

Both numbers are taken by a write of "last + 1" under a unique index. So they become visible in
order: a reader that sees n could have seen n - 1 before. Every post, edit and deletion takes the
next ``rev`` of the channel. To catch up, a client reads all messages with a greater ``rev`` than
its own. ``first_rev`` is the rev of the post itself, for clients that know only a seq.

When a message changes again, its old ``rev`` is free. A process that has seen neither change could
take that number a second time. Clients already have a greater rev and would never ask for it. So
``taken`` keeps all revs that a message had, under its own unique index.

The stream of a channel is what its page shows. A message with a ``thread`` is an answer to an
earlier message. It has numbers like all others, but is outside the stream. So the seqs in a list
may have gaps, and readers use only their order. The first message of a channel is in its stream.
"""

from collections.abc import Iterable
from typing import Any

from bson import ObjectId
from gevent.lock import BoundedSemaphore
from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
)

from chat.models import base
from chat.models.channel import Channel
from chat.models.reaction import grouped
from chat.text import integers

TRIES = 100
# Characters of text and HTML in one answer, besides its first message: two hundred messages of
# usual length, or five of the longest. A batch from MongoDB is limited only by AT_ONCE.
MOST_CHARACTERS = 300_000
AT_ONCE = 51
ID_LENGTH = 27  # characters of an id in an answer
_locks: dict[ObjectId, BoundedSemaphore] = {}


class Message(Document):
    """One message. ``html`` is rendered when the text is stored. Nicknames never change."""

    channel = ObjectIdField(required=True)
    seq = IntField(required=True)
    rev = IntField(required=True)
    first_rev = IntField(required=True)
    taken = ListField(IntField())
    author = ObjectIdField(required=True)
    author_nickname = StringField(required=True)
    text = StringField(default="")
    html = StringField(default="")
    client_id = StringField(required=True)
    created_at = DateTimeField(default=base.now)
    edited_at = DateTimeField()
    deleted = BooleanField(default=False)
    thread = ObjectIdField()  # the message that this one answers, if it is outside the stream
    reactions = ListField(DictField())  # chat.models.reaction

    # The messages that one write posted or changed, in plain form; empty if that is unknown.
    together: list[dict] = []
    touched: frozenset[str] = frozenset()  # the fields that a change sets

    meta = {
        "collection": "messages",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["channel", "seq"], "unique": True},
            {"fields": ["channel", "rev"], "unique": True},
            {
                "fields": ["channel", "taken"],
                "unique": True,
                "partialFilterExpression": {"taken": {"$exists": True}},
            },
            {"fields": ["author", "client_id"], "unique": True},
        ],
    }

    def number(self, seq: int, rev: int) -> None:
        """Set the numbers, and a new id."""
        self.id = ObjectId()
        self.seq, self.rev, self.first_rev, self.taken = seq, rev, rev, [rev]

    @classmethod
    def find(cls, message_id: str) -> dict | None:
        """One message, or None."""
        oid = base.object_id(message_id)
        row = cls._get_collection().find_one({"_id": oid}, SHOWN) if oid else None
        return to_message(row) if row else None

    @classmethod
    def find_sent(cls, author_id: str, client_id: str) -> dict | None:
        """The author's stored message with this client_id, or None."""
        row = cls._get_collection().find_one(
            {"author": ObjectId(author_id), "client_id": client_id}
        )
        return to_message(row) if row else None

    @classmethod
    def page(
        cls, channel_id: str, before: int | None, after: int | None, limit: int
    ) -> tuple[list[dict], bool]:
        """(messages oldest first, whether there are more in that direction).

        The messages next to ``before`` or ``after``; fewer than ``limit`` if they are very long.
        """
        before, after = (n if n is None else integers.within(n, -1) for n in (before, after))
        bounds = {"$lt": before} if before is not None else {}
        bounds |= {"$gt": after} if after is not None else {}
        query = _stream(channel_id) | ({"seq": bounds} if bounds else {})
        forward = after is not None and before is None
        rows = cls._get_collection().find(query, SHOWN, batch_size=AT_ONCE)
        with rows.sort("seq", 1 if forward else -1).limit(limit + 1) as found:
            page, more = fitting(map(to_message, found), limit)
        return (page if forward else page[::-1]), more

    @classmethod
    def changed_since(cls, channel_id: str, rev: int, limit: int) -> tuple[list[dict], bool]:
        """(messages posted, edited or deleted after a rev, in the order of change; more?)."""
        query = _stream(channel_id) | {"rev": {"$gt": rev}}
        rows = cls._get_collection().find(query, SHOWN, batch_size=AT_ONCE)
        with rows.sort("rev", 1).limit(limit + 1) as found:
            return fitting(map(to_message, found), limit)

    @classmethod
    def last_rev(cls, channel_id: str) -> int:
        """The channel's last rev, in the stream or not; 0 while it is empty."""
        query, wanted = {"channel": ObjectId(channel_id)}, {"rev": 1, "_id": 0}
        row = cls._get_collection().find_one(query, wanted, sort=[("rev", -1)])
        return row["rev"] if row else 0

    @classmethod
    def first_rev_at(cls, channel_id: str, seq: int) -> int:
        """The rev at which the message with this seq, or the nearest older one, was posted."""
        query = {"channel": ObjectId(channel_id), "seq": {"$lte": seq}}
        row = cls._get_collection().find_one(query, {"first_rev": 1}, sort=[("seq", -1)])
        return row["first_rev"] if row else 0

    @classmethod
    def first_of_others(
        cls, channel_id: str, user_id: str, after: int, most: int
    ) -> tuple[dict | None, int]:
        """(the first message after a seq that is by another person and not deleted, or None; the
        count of these, at most ``most``)."""
        query = _stream(channel_id) | {
            "seq": {"$gt": after},
            "author": {"$ne": ObjectId(user_id)},
            "deleted": False,
        }
        row = cls._get_collection().find_one(query, SHOWN, sort=[("seq", 1)])
        count = cls._get_collection().count_documents(query, limit=most) if row else 0
        return (to_message(row) if row else None), count

    @classmethod
    def last_numbers(cls, channel_id: str | ObjectId) -> tuple[int, int]:
        """The channel's last (seq, rev), in the stream or not; (0, 0) while it is empty."""
        collection, query = cls._get_collection(), {"channel": ObjectId(channel_id)}
        by_seq = collection.find_one(query, {"seq": 1}, sort=[("seq", -1)])
        return (by_seq["seq"] if by_seq else 0), cls.last_rev(str(channel_id))

    @classmethod
    def last_seqs(cls, channel_ids: list[str]) -> dict[str, int]:
        """The seq of the newest message in each stream (0 if there is none), in one query."""
        wanted = {"_id": {"$in": [ObjectId(cid) for cid in channel_ids]}}
        rows = Channel._get_collection().aggregate([{"$match": wanted}, _NEWEST, _ONLY_NEWEST])
        found = {str(row["_id"]): row["newest"][0]["seq"] for row in rows if row["newest"]}
        return {cid: found.get(cid, 0) for cid in channel_ids}

    @classmethod
    def tail(cls, channel_id: str, most: int, fields: Iterable[str]) -> list[dict]:
        """These stored fields of the newest messages, in the stream or not, oldest first."""
        rows = cls._get_collection().find({"channel": ObjectId(channel_id)}, [*fields])
        return list(rows.sort("seq", -1).limit(most))[::-1]


IN_STREAM = {"thread": None}


def _stream(channel_id: str) -> dict[str, Any]:
    return {"channel": ObjectId(channel_id), **IN_STREAM}


_NEWEST = {
    "$lookup": {
        "from": "messages",
        "let": {"channel": "$_id"},
        "pipeline": [
            {"$match": {"$expr": {"$eq": ["$channel", "$$channel"]}, **IN_STREAM}},
            {"$sort": {"seq": -1}},
            {"$limit": 1},
            {"$project": {"seq": 1, "_id": 0}},
        ],
        "as": "newest",
    }
}
_ONLY_NEWEST = {"$project": {"newest": 1}}
# Fields that are only needed to find numbers, and may be long, are not loaded.
SHOWN = {"taken": 0, "first_rev": 0}


def to_message(row: dict) -> dict:
    """The plain form of a stored message, the same for every reader.

    seq and rev stand first: the fence looks for them there (``chat.cache.fence.scripts``).
    """
    plain = {
        "seq": row["seq"],
        "rev": row["rev"],
        "id": str(row["_id"]),
        "channel": str(row["channel"]),
        "author": {"id": str(row["author"]), "nickname": row["author_nickname"]},
        "text": row.get("text", ""),
        "html": row.get("html", ""),
        "created_at": base.iso(row["created_at"]),
        "edited_at": base.iso(row.get("edited_at")),
        "deleted": row.get("deleted", False),
        "client_id": row["client_id"],
        "reactions": grouped(row.get("reactions", ())),
    }
    return plain | {"thread_id": str(row["thread"])} if row.get("thread") else plain


def in_stream(message: dict) -> bool:
    """Whether the channel's page shows this message (in plain form)."""
    return "thread_id" not in message


def fitting(messages: Iterable[dict], limit: int) -> tuple[list[dict], bool]:
    """(the first messages that fit one answer, at least one; whether there were more)."""
    found: list[dict] = []
    left = MOST_CHARACTERS
    for message in messages:
        if len(found) == limit or (found and left < 0):
            return found, True
        found.append(message)
        left -= size_of(message)
    return found, False


def size_of(message: dict) -> int:
    """The approximate number of characters of a message in an answer."""
    reacted = sum(each["count"] for each in message["reactions"])
    return len(message["text"]) + len(message["html"]) + reacted * ID_LENGTH


def numbers(channel: ObjectId) -> tuple[int, int]:
    """The last (seq, rev) of a channel: a hint, or from MongoDB."""
    known = base.NUMBERS.get(channel)
    if known is None:
        known = Message.last_numbers(channel)
        base.NUMBERS.learn(channel, *known)
    return known


def is_being_written(channel: ObjectId) -> bool:
    """Whether a writer of this process takes numbers in a channel now."""
    taken = _locks.get(channel)
    return taken is not None and taken.locked()


def lock(channel: ObjectId) -> BoundedSemaphore:
    """The lock for taking numbers in a channel: two writers of one process would race."""
    return _locks.setdefault(channel, BoundedSemaphore(1))
