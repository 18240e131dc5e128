"""A fire drill: working without Redis on purpose, for a while. One document, MongoDB's clock."""

from contextlib import suppress
from typing import Any

from bson import ObjectId
from mongoengine import DateTimeField, DictField, Document, IntField, ObjectIdField, StringField
from pymongo.errors import DuplicateKeyError

ID = "drill"


class Drill(Document):
    """The last drill, or the one that is going on.

    It is announced ``at``, Redis is left at ``cut`` and taken up again at ``ends``. ``groups`` has
    what each group of processes counted before, during and after it.
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
        """Announce one, unless one is going on."""
        told = {
            "run": ObjectId(), "by": {"$literal": by}, "at": "$$NOW", "seconds": seconds,
            "cut": _later(notice), "ends": _later(notice + seconds), "stopped": None,
            "groups": {"$literal": {}},
        }  # fmt: skip
        with suppress(DuplicateKeyError):
            cls._get_collection().insert_one({"_id": ID, "run": None})
        free = {"_id": ID, "$expr": {"$lte": ["$ends", "$$NOW"]}}  # nothing is before everything
        return cls._get_collection().update_one(free, [{"$set": told}]).modified_count == 1

    @classmethod
    def stop(cls, by: dict[str, str]) -> bool:
        """End the one that is going on, now."""
        going_on = {"_id": ID, "$expr": {"$gt": ["$ends", "$$NOW"]}}
        change = [{"$set": {"ends": "$$NOW", "stopped": {"$literal": by}}}]
        return cls._get_collection().update_one(going_on, change).modified_count == 1

    @classmethod
    def read(cls) -> dict[str, Any] | None:
        """The last one, with ``to_cut_ms`` and ``left_ms`` from now on (negative: over)."""
        asked = {
            "run": 1, "by": 1, "at": 1, "cut": 1, "ends": 1, "seconds": 1, "stopped": 1,
            "groups": 1, "to_cut_ms": {"$subtract": ["$cut", "$$NOW"]},
            "left_ms": {"$subtract": ["$ends", "$$NOW"]},
        }  # fmt: skip
        return cls._get_collection().find_one({"_id": ID, "run": {"$ne": None}}, asked)

    @classmethod
    def report(cls, run: ObjectId, group: str, part: str, counted: dict[str, Any]) -> None:
        """What a group of processes counted in a part of it."""
        change = {"$set": {f"groups.{group}.{part}": counted}}
        cls._get_collection().update_one({"_id": ID, "run": run}, change)


def _later(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(seconds * 1000)]}
