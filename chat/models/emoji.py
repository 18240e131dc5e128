"""How often each emoji has been used (R7): the durable side of the cached counts."""

from collections.abc import Mapping

from mongoengine import Document, IntField, StringField
from pymongo import UpdateOne


class EmojiUse(Document):
    """One document an emoji."""

    emoji = StringField(primary_key=True)
    count = IntField(default=0)

    meta = {"collection": "emoji", "auto_create_index": False, "indexes": ["-count"]}

    @classmethod
    def add(cls, uses: Mapping[str, int]) -> None:
        """Add many counts in one bulk write."""
        cls._get_collection().bulk_write(
            [UpdateOne({"_id": e}, {"$inc": {"count": n}}, upsert=True) for e, n in uses.items()],
            ordered=False,
        )

    @classmethod
    def counts(cls) -> dict[str, int]:
        """Every emoji with its count."""
        return {row["_id"]: row["count"] for row in cls._get_collection().find()}
