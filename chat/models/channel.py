"""Channels: public, private, direct or voice (R30)."""

from typing import Any

from mongoengine import (
    BooleanField,
    DateTimeField,
    Document,
    ListField,
    ObjectIdField,
    StringField,
)

from chat.models import base

KINDS = ("public", "private", "direct", "voice")


class Channel(Document):
    """One channel.

    ``slug`` is the address; ``former_slugs`` keep old links working after a rename. ``people``
    (sorted ids) and ``people_key`` exist only for direct channels: the same people share one.
    """

    slug = StringField(required=True)
    former_slugs = ListField(StringField())
    name = StringField(default="")
    topic = StringField(default="")
    kind = StringField(required=True, choices=KINDS, default="public")
    archived = BooleanField(default=False)
    created_by = ObjectIdField(required=True)
    created_at = DateTimeField(default=base.now)
    people = ListField(ObjectIdField())
    people_key = StringField()

    meta = {
        "collection": "channels",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["slug"], "unique": True},
            {"fields": ["former_slugs"]},
            {
                "fields": ["people_key"],
                "unique": True,
                "partialFilterExpression": {"people_key": {"$type": "string"}},
            },
            {"fields": ["kind"]},
        ],
    }

    @classmethod
    def change(cls, channel_id: str, **fields: Any) -> bool:
        """Set fields (MongoEngine update syntax) atomically and announce it."""
        document = cls(id=channel_id)
        with base.announced(document):
            found = cls.objects(id=channel_id).update_one(**fields)
        return bool(found)

    @classmethod
    def find(cls, channel_id: str) -> dict | None:
        """One channel as a plain dict, or None."""
        oid = base.object_id(channel_id)
        row = cls._get_collection().find_one({"_id": oid}) if oid else None
        return to_channel(row) if row else None

    @classmethod
    def find_all(cls, channel_ids: list[str]) -> list[dict]:
        """Channels by their ids; the unknown are left out."""
        wanted = [oid for oid in map(base.object_id, channel_ids) if oid]
        return [to_channel(row) for row in cls._get_collection().find({"_id": {"$in": wanted}})]

    @classmethod
    def find_by_slug(cls, slug: str) -> dict | None:
        """The channel with this current or former slug, or None."""
        collection = cls._get_collection()
        row = collection.find_one({"slug": slug}) or collection.find_one({"former_slugs": slug})
        return to_channel(row) if row else None

    @classmethod
    def find_direct(cls, people_key: str) -> dict | None:
        """The direct channel of exactly these people, or None."""
        row = cls._get_collection().find_one({"people_key": people_key})
        return to_channel(row) if row else None

    @classmethod
    def named(cls) -> list[dict]:
        """All channels except direct ones."""
        rows = cls._get_collection().find({"kind": {"$ne": "direct"}})
        return [to_channel(row) for row in rows]


def to_channel(row: dict) -> dict:
    """The plain form of a stored channel, the same for every reader."""
    channel = {
        "id": str(row["_id"]),
        "slug": row["slug"],
        "former_slugs": row.get("former_slugs") or [],
        "name": row.get("name") or "",
        "topic": row.get("topic") or "",
        "kind": row["kind"],
        "archived": row.get("archived", False),
        "created_by": str(row["created_by"]),
    }
    if row["kind"] == "direct":
        channel["people"] = [str(oid) for oid in row.get("people", [])]
    return channel
