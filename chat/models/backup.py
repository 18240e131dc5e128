"""The last backups of MongoDB; written by deploy/backup-mongodb.py, which does not use models."""

from datetime import datetime
from typing import Any

from mongoengine import DictField, Document, StringField

ID = "mongodb"


class Backup(Document):
    """``last``: the last attempt. ``good``: the last success. Each has at, seconds, bytes, ok."""

    id = StringField(primary_key=True, default=ID)
    last = DictField()
    good = DictField()

    meta = {"collection": "backups", "auto_create_index": False}

    @classmethod
    def read(cls) -> dict[str, Any]:
        """Both in a form for JSON; {} if there was no backup yet."""
        row = cls._get_collection().find_one({"_id": ID}) or {}
        return {name: _plain(row[name]) for name in ("last", "good") if _is_note(row.get(name))}


def _is_note(note: Any) -> bool:
    """Whether a value is valid. Other programs may write to this document."""
    return isinstance(note, dict) and isinstance(note.get("at"), datetime)


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    return {"at": told["at"].timestamp(), "seconds": told.get("seconds"),
            "bytes": told.get("bytes"), "ok": bool(told.get("ok"))}  # fmt: skip
