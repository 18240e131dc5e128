"""The alerts of the whole installation, and the notices about them that are still due.

Each group of processes checks the rules itself and holds the alerts that it sees. The first holder
begins an alert, and the last one to let go ends it. So an alert has one beginning and one end. A
transition and its due notice are stored in one write, so that the notice is sent once, even if the
process dies before it sends it.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, DictField, Document, ListField, StringField
from pymongo.errors import DuplicateKeyError

LEASE_MS = 60_000  # a group that has not renewed its hold for so long does not count any more
MOST_DUE = 20


class Alert(Document):
    """One rule's alert; ``by`` has when each group last held it, by MongoDB's clock."""

    id = StringField(primary_key=True)
    on = BooleanField()
    since = DateTimeField()
    ended = DateTimeField()
    by = DictField()
    due = ListField(DictField())

    meta = {"collection": "alerts", "auto_create_index": False}

    @classmethod
    def hold(cls, name: str, group: str, since: datetime, value: float | None) -> None:
        """This group sees the alert: begin it, or hold it together with other groups."""
        held = {"$currentDate": {f"by.{group}": True}}
        begin = {"$set": {"on": True, "since": since}, "$push": _push(_due(True, value))}
        # A DuplicateKeyError means that the alert is on already: then only hold it.
        with suppress(DuplicateKeyError):
            cls._get_collection().update_one(
                {"_id": name, "on": {"$ne": True}}, {**held, **begin}, upsert=True
            )
            return
        cls._get_collection().update_one({"_id": name, "on": True}, held)

    @classmethod
    def let_go(cls, name: str, group: str) -> None:
        """This group does not see the alert any more."""
        cls._get_collection().update_one({"_id": name}, {"$unset": {f"by.{group}": ""}})

    @classmethod
    def episode(cls, name: str, since: datetime, ended: datetime, value: float | None) -> None:
        """Store an alert that began and ended while MongoDB was down.

        If it overlaps with a stored episode, another group has seen the same one: nothing happens.
        """
        with suppress(DuplicateKeyError):
            cls._get_collection().insert_one({"_id": name, "on": False, "by": {}, "due": []})
        unknown = {"_id": name, "on": {"$ne": True}, "$or": [
            {"ended": {"$exists": False}}, {"ended": {"$lt": since}},
        ]}  # fmt: skip
        both = _due(True, value), _due(False, lasted=(ended - since).total_seconds())
        change = {"$set": {"since": since, "ended": ended}, "$push": _push(*both)}
        cls._get_collection().update_one(unknown, change)

    @classmethod
    def open_ones(cls) -> list[dict[str, Any]]:
        """The alerts that are on or have due notices; ``now`` is the time of MongoDB."""
        wanted = {"on": 1, "since": 1, "by": 1, "due": 1, "now": "$$NOW"}
        open_ones = {"$or": [{"on": True}, {"due.0": {"$exists": True}}]}
        return list(cls._get_collection().find(open_ones, wanted))

    @classmethod
    def end(cls, row: dict[str, Any]) -> None:
        """End an alert (a row of ``open_ones``) that no group holds, unless one has just begun."""
        if any(_is_alive(row, moment) for moment in row["by"].values()):
            return
        lasted = (row["now"] - row["since"]).total_seconds()
        change = {"$set": {"on": False, "by": {}, "ended": row["now"]},
                  "$push": _push(_due(False, lasted=lasted))}  # fmt: skip
        cls._get_collection().update_one({"_id": row["_id"], "on": True, "by": row["by"]}, change)

    @classmethod
    def said(cls, name: str, due: dict[str, Any]) -> None:
        """Remove a notice that was sent."""
        cls._get_collection().update_one({"_id": name}, {"$pull": {"due": {"id": due["id"]}}})


def _is_alive(row: dict[str, Any], moment: datetime) -> bool:
    return (row["now"] - moment).total_seconds() * 1000 < LEASE_MS


def _due(on: bool, value: float | None = None, lasted: float | None = None) -> dict[str, Any]:
    return {"id": ObjectId(), "on": on, "value": value, "lasted": lasted}


def _push(*due: dict[str, Any]) -> dict[str, Any]:
    return {"due": {"$each": list(due), "$slice": -MOST_DUE}}
