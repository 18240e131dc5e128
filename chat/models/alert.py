"""Which alerts are on for the whole installation, and what has still to be said of them.

Every group of processes looks for itself; each holds what it sees. The first holder of an alert
begins it, the last who lets go ends it: one beginning and one end, whoever looks. A transition
and what is due to be said of it are one write, so that it is said once, even if whoever turned
the alert dies before saying it.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, DictField, Document, ListField, StringField
from pymongo.errors import DuplicateKeyError

LEASE_MS = 60_000  # a group that has not been heard of for so long holds nothing any more
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
        """This group sees it on: begin it, or hold it with those who do already."""
        held = {"$currentDate": {f"by.{group}": True}}
        begin = {"$set": {"on": True, "since": since}, "$push": _push(_due(True, value))}
        # To insert one that is on already means that there is nothing to begin.
        with suppress(DuplicateKeyError):
            cls._get_collection().update_one(
                {"_id": name, "on": {"$ne": True}}, {**held, **begin}, upsert=True
            )
            return
        cls._get_collection().update_one({"_id": name, "on": True}, held)

    @classmethod
    def let_go(cls, name: str, group: str) -> None:
        """This group sees it on no more."""
        cls._get_collection().update_one({"_id": name}, {"$unset": {f"by.{group}": ""}})

    @classmethod
    def episode(cls, name: str, since: datetime, ended: datetime, value: float | None) -> None:
        """It was on and is over, and none of it could be stored meanwhile.

        What overlaps with an episode that is known was the same one, seen by another group.
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
        """Those that are on, or of which something is due to be said; ``now`` is MongoDB's."""
        wanted = {"on": 1, "since": 1, "by": 1, "due": 1, "now": "$$NOW"}
        open_ones = {"$or": [{"on": True}, {"due.0": {"$exists": True}}]}
        return list(cls._get_collection().find(open_ones, wanted))

    @classmethod
    def end(cls, row: dict[str, Any]) -> None:
        """End one of these that nobody holds any more, unless somebody has just taken hold."""
        if any(_is_alive(row, moment) for moment in row["by"].values()):
            return
        lasted = (row["now"] - row["since"]).total_seconds()
        change = {"$set": {"on": False, "by": {}, "ended": row["now"]},
                  "$push": _push(_due(False, lasted=lasted))}  # fmt: skip
        cls._get_collection().update_one({"_id": row["_id"], "on": True, "by": row["by"]}, change)

    @classmethod
    def said(cls, name: str, due: dict[str, Any]) -> None:
        """This has been said."""
        cls._get_collection().update_one({"_id": name}, {"$pull": {"due": {"id": due["id"]}}})


def _is_alive(row: dict[str, Any], moment: datetime) -> bool:
    return (row["now"] - moment).total_seconds() * 1000 < LEASE_MS


def _due(on: bool, value: float | None = None, lasted: float | None = None) -> dict[str, Any]:
    return {"id": ObjectId(), "on": on, "value": value, "lasted": lasted}


def _push(*due: dict[str, Any]) -> dict[str, Any]:
    return {"due": {"$each": list(due), "$slice": -MOST_DUE}}
