"""The stored rollout percentages: one document for the whole installation."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from mongoengine import DictField, Document, IntField, ListField, StringField
from pymongo.errors import DuplicateKeyError

ID = "rollout"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Rollout(Document):
    """``features`` has for each its ``percent``, ``stage``, when that began (``since``, MongoDB's
    clock), ``source`` (environment or changed), and who changed it when (``by``, ``at``).

    ``environment`` is what the process that started last was told. ``log`` holds audit entries
    until they are written down: they are stored with the change itself.
    """

    id = StringField(primary_key=True, default=ID)
    revision = IntField(default=0)
    features = DictField()
    environment = DictField()
    log = ListField(DictField())

    meta = {"collection": "rollout", "auto_create_index": False}

    @classmethod
    def read(cls) -> dict | None:
        """The stored document, or None."""
        return cls._get_collection().find_one({"_id": ID})

    @classmethod
    def begin(cls, features: Mapping[str, dict], environment: Mapping[str, int]) -> None:
        """Store the first percentages, unless the document exists."""
        row = {"revision": 0, "features": features, "environment": environment, "log": []}
        try:
            cls._get_collection().insert_one({"_id": ID, **row})
        except DuplicateKeyError:
            return

    @classmethod
    def change(cls, revision: int, fields: Mapping[str, Any], begun: list[str], log: list) -> bool:
        """Change fields if ``revision`` is current. ``begun``: features that enter a new stage."""
        change: dict[str, Any] = {"$set": dict(fields), "$inc": {"revision": 1}}
        change["$push"] = {"log": {"$each": log}}
        if begun:
            change["$currentDate"] = {f"features.{name}.since": True for name in begun}
            change["$unset"] = {f"features.{name}.claimed": "" for name in begun}
        query = {"_id": ID, "revision": revision}
        return cls._get_collection().update_one(query, change).modified_count == 1

    @classmethod
    def claim(cls, feature: str, since: datetime, after: float, for_s: float) -> bool:
        """Claim the end of a stage for ``for_s`` seconds, at the earliest ``after`` seconds."""
        name = f"features.{feature}"
        due = {"$lte": [f"${name}.since", _ago(after)]}
        free = {"$lte": [{"$ifNull": [f"${name}.claimed", _NEVER]}, _ago(for_s)]}
        query = {"_id": ID, f"{name}.since": since, "$expr": {"$and": [due, free]}}
        change = {"$currentDate": {f"{name}.claimed": True}}
        return cls._get_collection().update_one(query, change).modified_count == 1

    @classmethod
    def settle(cls, feature: str, since: datetime) -> bool:
        """End the stage that began at ``since``; False if it has ended or changed."""
        name = f"features.{feature}"
        query = {"_id": ID, f"{name}.since": since, f"{name}.stage": {"$ne": "steady"}}
        change = {"$set": {f"{name}.stage": "steady"}, "$inc": {"revision": 1}}
        return cls._get_collection().update_one(query, change).modified_count == 1

    @classmethod
    def written_down(cls, ids: list[ObjectId]) -> None:
        """Remove entries that were copied to the audit."""
        cls._get_collection().update_one({"_id": ID}, {"$pull": {"log": {"_id": {"$in": ids}}}})


def _ago(seconds: float) -> dict:
    return {"$subtract": ["$$NOW", int(seconds * 1000)]}
