"""What shows that MongoDB lets us work: one small document, read and written by every process."""

import contextlib

import pymongo
from mongoengine import DateTimeField, Document, StringField
from pymongo import WriteConcern
from pymongo.errors import DuplicateKeyError

from chat.models.majority import WAIT

ID = "heartbeat"


class Heartbeat(Document):
    """There is one document, whatever number of processes writes it."""

    id = StringField(primary_key=True, default=ID)
    at = DateTimeField(required=True)

    meta = {"collection": "heartbeats", "auto_create_index": False}

    @classmethod
    def read(cls, seconds: float) -> None:
        """Raises whatever keeps us from reading within so many seconds."""
        with pymongo.timeout(seconds):
            cls._get_collection().find_one({"_id": ID})

    @classmethod
    def write(cls) -> None:
        """Raises whatever keeps a write from reaching the majority in the time that any write has.

        Not under ``pymongo.timeout``: a shorter wait would find fault with a slow majority.
        """
        concern = WriteConcern(w="majority", wtimeout=int(WAIT * 1000), j=False)
        beats = cls._get_collection().with_options(write_concern=concern)
        with contextlib.suppress(DuplicateKeyError):  # another process has made it just now
            beats.update_one({"_id": ID}, {"$currentDate": {"at": True}}, upsert=True)
