"""A process that is cut off from Redis says so here, for the others to see (R13)."""

from mongoengine import DateTimeField, Document, StringField
from pymongo import WriteConcern
from pymongo.collection import Collection


class Outage(Document):
    """One cut-off process. Times are MongoDB's own: the clocks of processes may differ."""

    process = StringField(primary_key=True)
    at = DateTimeField(required=True)

    meta = {"collection": "outages", "auto_create_index": False}

    @classmethod
    def say(cls, process: str) -> None:
        """This process cannot reach Redis now."""
        change = {"$currentDate": {"at": True}}
        cls._quick().update_one({"_id": process}, change, upsert=True)

    @classmethod
    def over(cls, process: str) -> None:
        """It can again, and what it could not announce is in no cache any more."""
        cls._get_collection().delete_one({"_id": process})

    @classmethod
    def _quick(cls) -> Collection:
        """Said again every second, and heard from the primary: it need not outlive a step-down."""
        return cls._get_collection().with_options(write_concern=WriteConcern(w=1, j=False))

    @classmethod
    def is_any_other(cls, process: str, seconds: float) -> bool:
        """Whether another process has said so within so many seconds."""
        since = {"$subtract": ["$$NOW", int(seconds * 1000)]}
        query = {"_id": {"$ne": process}, "$expr": {"$gt": ["$at", since]}}
        return cls._get_collection().find_one(query, {"_id": 1}) is not None
