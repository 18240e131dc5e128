"""The emoji counts in MongoDB (R7), the source of the cached counts."""

from collections.abc import Mapping

from mongoengine import Document, IntField, StringField
from pymongo import UpdateOne

from chat.models import base


class EmojiUse(Document):
    """The count of one emoji."""

    emoji = StringField(primary_key=True)
    count = IntField(default=0)

    # The new counts after a bulk write, for the cache (chat.cache.invalidation).
    changed: Mapping[str, int] = {}

    meta = {"collection": "emoji", "auto_create_index": False, "indexes": ["-count"]}

    @classmethod
    def add(cls, uses: Mapping[str, int]) -> None:
        """Add many counts in one bulk write, and announce it."""
        document = cls()
        with base.announced(document):
            cls._get_collection().bulk_write(
                [
                    UpdateOne({"_id": e}, {"$inc": {"count": n}}, upsert=True)
                    for e, n in uses.items()
                ],
                ordered=False,
            )
            document.changed = cls.counts(list(uses))

    @classmethod
    def counts(cls, only: list[str] | None = None) -> dict[str, int]:
        """The counts of all emoji, or only of these."""
        query = {} if only is None else {"_id": {"$in": only}}
        return {row["_id"]: row["count"] for row in cls._get_collection().find(query)}
