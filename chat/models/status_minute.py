"""The figures of the last day, one row a minute. MongoDB deletes old rows (TTL index)."""

from datetime import datetime, timedelta
from typing import Any

from mongoengine import DateTimeField, DictField, Document, StringField
from pymongo import UpdateOne, WriteConcern

from chat.models import base

DAY = timedelta(hours=24)
KEPT_SECONDS = 25 * 3600


class Minute(Document):
    """One minute. ``by`` has the figures of each group of processes; writing is idempotent."""

    id = StringField(primary_key=True)
    at = DateTimeField(required=True)
    by = DictField()

    meta = {
        "collection": "minutes",
        "auto_create_index": False,
        "indexes": [{"fields": ["at"], "expireAfterSeconds": KEPT_SECONDS}],
    }

    @classmethod
    def put(cls, group: str, rows: dict[datetime, dict[str, Any]]) -> None:
        """Store a group's rows by the minute in which they began."""
        quick = cls._get_collection().with_options(write_concern=WriteConcern(w=1, j=False))
        quick.bulk_write(
            [
                UpdateOne(
                    {"_id": at.strftime("%Y-%m-%dT%H:%M")},
                    {"$set": {"at": at, f"by.{group}": row}},
                    upsert=True,
                )
                for at, row in rows.items()
            ],
            ordered=False,
        )

    @classmethod
    def last_day(cls) -> list[dict[str, Any]]:
        """The minutes of the last 24 hours, oldest first."""
        found = cls._get_collection().find({"at": {"$gt": base.now() - DAY}})
        return list(found.sort("at", 1))
