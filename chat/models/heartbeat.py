"""The health check of MongoDB: one small document that every process reads and writes."""

import contextlib

import pymongo
from mongoengine import DateTimeField, Document, StringField
from pymongo import WriteConcern
from pymongo.errors import DuplicateKeyError

from chat.models.majority import WAIT

ID = "heartbeat"


class Heartbeat(Document):
    """The single document of the health check, shared by all processes."""

    id = StringField(primary_key=True, default=ID)
    at = DateTimeField(required=True)

    meta = {"collection": "heartbeats", "auto_create_index": False}

    @classmethod
    def read(cls, seconds: float) -> None:
        """Read the document; raises the error if that fails or takes longer than ``seconds``."""
        with pymongo.timeout(seconds):
            cls._get_collection().find_one({"_id": ID})

    @classmethod
    def write(cls) -> None:
        """Write the document; raises the error if the write does not reach the majority in time.

        It has the same time limit as all writes, not a ``pymongo.timeout``: with less time a slow
        majority would count as a failure.
        """
        concern = WriteConcern(w="majority", wtimeout=int(WAIT * 1000), j=False)
        beats = cls._get_collection().with_options(write_concern=concern)
        with contextlib.suppress(DuplicateKeyError):  # another process has just created it
            beats.update_one({"_id": ID}, {"$currentDate": {"at": True}}, upsert=True)
