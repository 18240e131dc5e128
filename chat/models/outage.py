"""A process that works without Redis says so here, for the others to see (R13, R20)."""

from mongoengine import BooleanField, DateTimeField, Document, StringField
from pymongo import WriteConcern
from pymongo.collection import Collection


class Outage(Document):
    """One process: cut off, or only there to be seen by those that are. Times are MongoDB's own:
    the clocks of processes may differ."""

    process = StringField(primary_key=True)
    cut_off = BooleanField(required=True)
    at = DateTimeField(required=True)

    meta = {"collection": "outages", "auto_create_index": False}

    @classmethod
    def say(cls, process: str, cut_off: bool) -> None:
        """This process is there; ``cut_off``: what it writes it cannot announce in Redis."""
        change = {"$set": {"cut_off": cut_off}, "$currentDate": {"at": True}}
        cls._quick().update_one({"_id": process}, change, upsert=True)

    @classmethod
    def over(cls, process: str) -> None:
        """Nobody has to know of it now: what it could not announce is in no cache any more."""
        cls._get_collection().delete_one({"_id": process})

    @classmethod
    def _quick(cls) -> Collection:
        """Said again every second, and heard from the primary: it need not outlive a step-down."""
        return cls._get_collection().with_options(write_concern=WriteConcern(w=1, j=False))

    @classmethod
    def others(cls, process: str, seconds: float) -> tuple[bool, bool]:
        """Of what others said within so many seconds: (is one of them cut off?, is there any?)."""
        since = {"$subtract": ["$$NOW", int(seconds * 1000)]}
        query = {"_id": {"$ne": process}, "$expr": {"$gt": ["$at", since]}}
        found = cls._get_collection().find(query, {"cut_off": 1})
        said = [row.get("cut_off", True) for row in found]
        return any(said), bool(said)
