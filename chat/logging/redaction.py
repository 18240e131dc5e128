"""Errors as a log may tell them: where, and of what kind, but never what people said.

A store that refuses something quotes it: MongoDB a document with its text, Redis a command with its
values. So of such errors only the kind is told, and of a trace the lines of code.
"""

import logging
import re
import threading
import time
import traceback
from collections.abc import Iterator

from bson.errors import BSONError
from mongoengine.errors import MongoEngineException, ValidationError
from pymongo.errors import OperationFailure

MOST = 300  # characters of an error's own text
_QUOTED = re.compile(r"(?<=Command # )(\d+) \(.*\)(?= of pipeline)|, with args beginning with: .*")

_VALUE = re.compile(r"(['\"]).*\1")  # what was looked for, or could not be read as something else


def brief(error: BaseException) -> str:
    """One line: the kind of error, and its own words where they quote nobody."""
    kind = type(error).__name__
    try:
        words = _words_of(error)
    except Exception:  # noqa: BLE001 - an error that cannot even be told is still one
        words = ""
    return f"{kind}: {words}" if words else kind


def _words_of(error: BaseException) -> str:
    if isinstance(error, OperationFailure):
        return f"code {error.code}"
    if isinstance(error, BSONError | MongoEngineException | ValidationError):
        return ""
    words = unquoted(" ".join(str(error).split()))
    if isinstance(error, ValueError | LookupError):
        words = _VALUE.sub("…", words)
    return words[:MOST]


def unquoted(words: str) -> str:
    """What Redis or its library says of a command, without the command's values."""
    return _QUOTED.sub(r"\1", words)


def trace(error: BaseException) -> str:
    """Where it was raised, and before it what it was raised from."""
    told = [
        f"Traceback (most recent call last):\n{code}{brief(link)}"
        for link in reversed(list(_chain(error)))
        for code in ["".join(traceback.format_tb(link.__traceback__))]
    ]
    return "\n\nand then:\n\n".join(told)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


class Seldom:
    """A warning that many may have at once: one line, and later how many more there were."""

    EVERY = 30.0  # seconds

    def __init__(self, log: logging.Logger, words: str) -> None:
        self._log, self._words = log, words
        self._next, self._unsaid = 0.0, 0
        self._lock = threading.Lock()

    def __call__(self, error: BaseException) -> None:
        with self._lock:
            if (now := time.monotonic()) < self._next:
                self._unsaid += 1
                return
            self._next, unsaid, self._unsaid = now + self.EVERY, self._unsaid, 0
        more = f" ({unsaid} times more since the last such line)" if unsaid else ""
        self._log.warning("%s: %s%s", self._words, brief(error), more)


# The probe says when MongoDB goes and when it is back (chat.monitoring.status.health). This is what
# single requests meet, which may be less than an outage.
went_without_mongo = Seldom(logging.getLogger(__name__), "a request went without MongoDB")
