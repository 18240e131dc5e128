"""Shared helpers of the documents: time, announced updates, ids from clients, channel numbers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from mongoengine import Document, signals
from pymongo.errors import ConnectionFailure, ExecutionTimeout, WriteConcernError

from chat.lru import LRU

_ID = re.compile(r"[0-9a-f]{24}\Z")

# The errors of PyMongo if MongoDB is down or too slow. Whether a write happened is then unknown.
DATABASE_GONE = (ConnectionFailure, ExecutionTimeout, WriteConcernError)

# Sent instead of post_save when a write that pre_save announced certainly did not happen.
write_refused = signals._signals.signal("write_refused")


def now() -> datetime:
    """The time in UTC, cut to the milliseconds that MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds, as every answer shows times."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def iso_of_millis(millis: int | None) -> str | None:
    """``iso`` for milliseconds since 1970."""
    return None if millis is None else iso(datetime.fromtimestamp(millis / 1000, UTC))


def object_id(text: Any) -> ObjectId | None:
    """The ObjectId of a text; None if it is no valid id, which callers treat as "not found".

    Only lower-case hex is valid, because rooms, cache keys and comparisons use the text.
    """
    if isinstance(text, ObjectId):
        return text
    return ObjectId(text) if isinstance(text, str) and _ID.match(text) else None


@contextmanager
def announced(document: Document, created: bool = False) -> Iterator[None]:
    """Send the signals of ``.save()`` around an atomic update, for which MongoEngine sends none.

    If the update raises, it may have happened or not. post_save is sent in both cases, because an
    unnecessary invalidation is harmless. Set ``document.refused = True`` if nothing was changed.
    """
    signals.pre_save.send(type(document), document=document)
    try:
        yield
    finally:
        if getattr(document, "refused", False):
            write_refused.send(type(document), document=document)
        else:
            signals.post_save.send(type(document), document=document, created=created)


BELIEVED_SECONDS = 5.0


class Numbers:
    """The last (seq, rev) of each channel that this process knows. Only a hint.

    A wrong hint costs one refused insert; the unique indexes of ``Message`` decide. ``taken`` keeps
    a limited number of revs of a message, so a hint is used only for BELIEVED_SECONDS.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._known: LRU[ObjectId, tuple[int, int]] = LRU(most, BELIEVED_SECONDS)

    def get(self, channel: ObjectId) -> tuple[int, int] | None:
        """The hint, if there is a recent one."""
        return self._known.get(channel)

    def learn(self, channel: ObjectId, seq: int, rev: int) -> None:
        """Remember what was just stored or read."""
        self._known.put(channel, (seq, rev))

    def hear(self, channel: ObjectId, seq: int, rev: int) -> None:
        """Learn numbers that another process has used (0: none)."""
        if known := self.get(channel):
            self.learn(channel, max(seq, known[0]), max(rev, known[1]))

    def forget(self, channel: ObjectId) -> None:
        """Drop a hint that was refused."""
        self._known.drop(channel)

    def clear(self) -> None:
        """Drop all hints, for example because the database has changed."""
        self._known.clear()


NUMBERS = Numbers()
