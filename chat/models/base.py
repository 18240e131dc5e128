"""What the documents share: clocks, announced changes, ids from outside, numbers by channel."""

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

# What PyMongo raises when MongoDB is away or too slow: whether a write happened is then unknown.
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
    """The same of milliseconds since 1970."""
    return None if millis is None else iso(datetime.fromtimestamp(millis / 1000, UTC))


def object_id(text: Any) -> ObjectId | None:
    """The id, or None for anything that is none: a bad id is just something that does not exist.

    An id has one spelling: rooms, cache keys and comparisons go by the text.
    """
    if isinstance(text, ObjectId):
        return text
    return ObjectId(text) if isinstance(text, str) and _ID.match(text) else None


@contextmanager
def announced(document: Document, created: bool = False) -> Iterator[None]:
    """Wrap an atomic update in the signals that ``.save()`` would send (MongoEngine sends none).

    When the update raises, nobody can say whether it happened; post_save is sent all the same,
    because a cache dropped for nothing is harmless. ``document.refused = True`` says that nothing
    was changed.
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
    """The last (seq, rev) that this process knows of a channel: a hint, never the truth.

    A wrong hint costs one refused insert; the unique indexes of ``Message`` decide. They remember
    a limited number of changes of a message, so a hint is believed for a limited time.
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
        """Another process has stored something under these numbers (0: none)."""
        if known := self.get(channel):
            self.learn(channel, max(seq, known[0]), max(rev, known[1]))

    def forget(self, channel: ObjectId) -> None:
        """Drop a hint that was refused."""
        self._known.drop(channel)

    def clear(self) -> None:
        """Drop everything, for example because the database is another one."""
        self._known.clear()


NUMBERS = Numbers()
