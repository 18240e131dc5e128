"""The reports of processes that work without Redis, for all other processes (R13, R20)."""

from mongoengine import BooleanField, DateTimeField, Document, StringField
from pymongo import WriteConcern
from pymongo.collection import Collection


class Outage(Document):
    """The report of one process: cut off from Redis, or only present.

    Times are by MongoDB's clock, because the clocks of processes may differ.
    """

    process = StringField(primary_key=True)
    cut_off = BooleanField(required=True)
    at = DateTimeField(required=True)

    meta = {"collection": "outages", "auto_create_index": False}

    @classmethod
    def say(cls, process: str, cut_off: bool) -> None:
        """Store or renew a report. ``cut_off``: the process cannot announce its writes in Redis."""
        change = {"$set": {"cut_off": cut_off}, "$currentDate": {"at": True}}
        cls._quick().update_one({"_id": process}, change, upsert=True)

    @classmethod
    def over(cls, process: str) -> None:
        """Delete a report: no cache contains stale values because of this process any more."""
        cls._get_collection().delete_one({"_id": process})

    @classmethod
    def _quick(cls) -> Collection:
        """The collection with w=1: reports are renewed each second, so they may be lost."""
        return cls._get_collection().with_options(write_concern=WriteConcern(w=1, j=False))

    @classmethod
    def others(cls, process: str, seconds: float) -> tuple[bool, bool]:
        """(whether another process is cut off, whether there is any), by reports of ``seconds``."""
        since = {"$subtract": ["$$NOW", int(seconds * 1000)]}
        query = {"_id": {"$ne": process}, "$expr": {"$gt": ["$at", since]}}
        found = cls._get_collection().find(query, {"cut_off": 1})
        said = [row.get("cut_off", True) for row in found]
        return any(said), bool(said)
