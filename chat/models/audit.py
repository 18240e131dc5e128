"""The audit log: changes to the running installation, for admins to read."""

from typing import Any

from mongoengine import DateTimeField, DictField, Document, DynamicField, StringField
from pymongo import UpdateOne

from chat.models import base

MOST = 200


class Audit(Document):
    """One change.

    ``action`` is the kind of change ("rollout.set"), ``subject`` what was changed ("sessions").
    ``actor`` is {id, nickname} at that time, or None if no person was signed in: then ``action``
    tells the origin. ``before`` and ``after`` are numbers, texts or None.
    """

    at = DateTimeField(required=True)
    actor = DictField(null=True)
    action = StringField(required=True)
    subject = StringField(required=True)
    before = DynamicField(db_field="from")
    after = DynamicField(db_field="to")

    meta = {"collection": "audit", "auto_create_index": False, "indexes": [{"fields": ["-at"]}]}

    @classmethod
    def add(cls, entries: list[dict]) -> None:
        """Store entries. An entry whose id exists already is not changed."""
        if entries:
            cls._get_collection().bulk_write(
                [
                    UpdateOne({"_id": entry["_id"]}, {"$setOnInsert": entry}, upsert=True)
                    for entry in entries
                ],
                ordered=False,
            )

    @classmethod
    def recent(cls, limit: int, action: str = "") -> list[dict]:
        """The newest entries, newest first. ``action``: only actions that begin with it."""
        query: dict[str, Any] = {"action": {"$regex": f"^{action}"}} if action else {}
        rows = cls._get_collection().find(query).sort([("at", -1), ("_id", -1)])
        return [to_entry(row) for row in rows.limit(min(limit, MOST))]


def to_entry(row: dict) -> dict:
    """An entry as it is shown."""
    names = ("actor", "action", "subject", "from", "to")
    return {"at": base.iso(row["at"]), **{name: row.get(name) for name in names}}
