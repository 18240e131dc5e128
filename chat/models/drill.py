"""The fire drill (working without Redis for a while): one document, times by MongoDB's clock."""

from contextlib import suppress
from typing import Any

from bson import ObjectId
from mongoengine import DateTimeField, DictField, Document, IntField, ObjectIdField, StringField
from pymongo.errors import DuplicateKeyError

ID = "drill"


class Drill(Document):
    """The last or current drill.

    ``at``: when it was announced. ``cut``: when processes stop using Redis. ``ends``: when they
    may use it again. ``groups``: the figures of each group of processes before, during and after.
    """

    id = StringField(primary_key=True, default=ID)
    run = ObjectIdField()
    by = DictField()
    at = DateTimeField()
    cut = DateTimeField()
    ends = DateTimeField()
    seconds = IntField()
    stopped = DictField(null=True)
    groups = DictField()

    meta = {"collection": "drills", "auto_create_index": False}

    @classmethod
    def begin(cls, by: dict[str, str], notice: float, seconds: int) -> bool:
        """Announce a drill; False if one is in progress."""
        told = {
            "run": ObjectId(), "by": {"$literal": by}, "at": "$$NOW", "seconds": seconds,
            "cut": _later(notice), "ends": _later(notice + seconds), "stopped": None,
            "groups": {"$literal": {}},
        }  # fmt: skip
        with suppress(DuplicateKeyError):
            cls._get_collection().insert_one({"_id": ID, "run": None})
        free = {"_id": ID, "$expr": {"$lte": ["$ends", "$$NOW"]}}  # missing: less than any
        return cls._get_collection().update_one(free, [{"$set": told}]).modified_count == 1

    @classmethod
    def stop(cls, by: dict[str, str]) -> bool:
        """End the current drill now; False if there is none."""
        going_on = {"_id": ID, "$expr": {"$gt": ["$ends", "$$NOW"]}}
        change = [{"$set": {"ends": "$$NOW", "stopped": {"$literal": by}}}]
        return cls._get_collection().update_one(going_on, change).modified_count == 1

    @classmethod
    def read(cls) -> dict[str, Any] | None:
        """The last drill or None; with ``to_cut_ms`` and ``left_ms`` from now (negative: past)."""
        asked = {
            "run": 1, "by": 1, "at": 1, "cut": 1, "ends": 1, "seconds": 1, "stopped": 1,
            "groups": 1, "to_cut_ms": {"$subtract": ["$cut", "$$NOW"]},
            "left_ms": {"$subtract": ["$ends", "$$NOW"]},
        }  # fmt: skip
        return cls._get_collection().find_one({"_id": ID, "run": {"$ne": None}}, asked)

    @classmethod
    def report(cls, run: ObjectId, group: str, part: str, counted: dict[str, Any]) -> None:
        """Store the figures of a group of processes for a part of the drill."""
        change = {"$set": {f"groups.{group}.{part}": counted}}
        cls._get_collection().update_one({"_id": ID, "run": run}, change)


def _later(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(seconds * 1000)]}
