"""When MongoDB was last backed up: written by deploy/backup-mongodb.py, which knows no models."""

from datetime import datetime
from typing import Any

from mongoengine import DictField, Document, StringField

ID = "mongodb"


class Backup(Document):
    """``last`` is the last try, ``good`` the last that worked; each has at, seconds, bytes, ok."""

    id = StringField(primary_key=True, default=ID)
    last = DictField()
    good = DictField()

    meta = {"collection": "backups", "auto_create_index": False}

    @classmethod
    def read(cls) -> dict[str, Any]:
        """Both as they can be kept as JSON; empty if none was ever seen."""
        row = cls._get_collection().find_one({"_id": ID}) or {}
        return {name: _plain(row[name]) for name in ("last", "good") if _is_note(row.get(name))}


def _is_note(note: Any) -> bool:
    """Anybody may write there: what is no note must not disturb whoever reads."""
    return isinstance(note, dict) and isinstance(note.get("at"), datetime)


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    return {"at": told["at"].timestamp(), "seconds": told.get("seconds"),
            "bytes": told.get("bytes"), "ok": bool(told.get("ok"))}  # fmt: skip
