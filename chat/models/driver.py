"""A MongoDB client that classifies failures: Denied, NotKept, NoMajority.

All reads and writes of all models go through it. It extends two private methods of PyMongo. If a
later version does not have them, each write waits for the majority by itself, and nothing else
changes.
"""

import time
from contextvars import ContextVar
from typing import Any

from flask import g, has_request_context
from pymongo import MongoClient, monitoring, timeout
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from chat.models.failover import Reach
from chat.models.majority import NO_MAJORITY, Majority, NoMajority

ALTOGETHER = 1.9  # seconds for a write: to wait for the majority and to find another primary
NOT_ALLOWED, NOT_LET_IN, ATLAS, OUT_OF_DISK_SPACE = 13, 18, 8000, 14031  # MongoDB's codes
MAY_NOT = "the account in MONGODB_URI may not read and write the database"
WRONG_PASSWORD = "the user, the password or authSource in MONGODB_URI is wrong"
DISK_FULL = "the disk of the MongoDB server is full"
DENIALS = (MAY_NOT, WRONG_PASSWORD)
REASONS = {
    NOT_ALLOWED: MAY_NOT,
    NOT_LET_IN: WRONG_PASSWORD,
    ATLAS: WRONG_PASSWORD,
    OUT_OF_DISK_SPACE: DISK_FULL,
}

_began: ContextVar[float] = ContextVar("began", default=0.0)  # when the current write began
_unconfirmed: ContextVar[bool] = ContextVar("unconfirmed", default=False)
_written_to: ContextVar[str] = ContextVar("written_to", default="")  # the collection

# Collections whose writes do not count for ``has_written``: any request may write its session.
BESIDE = frozenset(("sessions",))


# Denied and NotKept are no OperationFailures, because MongoEngine would replace those.
class Denied(ConnectionFailure):
    """MongoDB refused a command: our account lacks a right, or the disk is full.

    Callers treat it like a MongoDB that is down.
    """


class NotKept(ConnectionFailure):
    """A write that did not reach the majority and may be undone: its outcome is unknown."""


class Unconfirmed(monitoring.CommandListener):
    """Notes for each write its collection, and whether the majority did not confirm it."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Note the collection of a write."""
        if _began.get():
            _written_to.set(str(event.command.get(event.command_name, "")))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Note whether the majority confirmed the write; the last attempt counts."""
        if _began.get():
            _unconfirmed.set("writeConcernError" in event.reply)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to note: the caller gets the error."""


class MajorityClient(MongoClient):  # type: ignore[type-arg]
    """One process's client."""

    majority, reach = Majority(), Reach()

    def _retry_internal(self, *args: Any, **kwargs: Any) -> Any:
        """Run a read or a write, including the driver's second attempt."""
        try:
            if kwargs.get("is_read"):
                return super()._retry_internal(*args, **kwargs)
            return self._write(*args, **kwargs)
        except WriteConcernError as error:
            raise NotKept(NO_MAJORITY) from error
        except OperationFailure as error:
            if error.code not in REASONS:
                raise
            raise Denied(REASONS[error.code]) from error

    def _write(self, *args: Any, **kwargs: Any) -> Any:
        self.majority.admit()
        began, unconfirmed = _began.set(time.monotonic()), _unconfirmed.set(False)
        try:
            result = super()._retry_internal(*args, **kwargs)
            _confirm()
            _note_written()
            return result
        except DuplicateKeyError:
            _confirm()  # the existing document may be undone as well
            raise
        finally:
            _began.reset(began)
            _unconfirmed.reset(unconfirmed)

    def _select_server(self, *args: Any, **kwargs: Any) -> Any:
        """Limit a write's search for a primary by the time that it has waited already."""
        waited = time.monotonic() - began if (began := _began.get()) else 0.0
        left = ALTOGETHER - waited
        if self.reach.patience() <= max(0.0, left):  # the driver itself keeps to that limit
            return super()._select_server(*args, **kwargs)
        with timeout(max(0.05, left)):
            return super()._select_server(*args, **kwargs)


def _confirm() -> None:
    """Raise NotKept if the majority did not confirm; the driver may report another error first."""
    if _unconfirmed.get():
        raise NotKept(NO_MAJORITY)


def _note_written() -> None:
    """Note that this request has written something (``has_written``)."""
    if has_request_context() and _written_to.get() not in BESIDE:
        g.has_written = True


def has_written() -> bool:
    """Whether a write of this request succeeded."""
    return has_request_context() and bool(g.get("has_written"))


def reason(error: Exception) -> str:
    """Why MongoDB cannot be used, for operators; contains no address and no value."""
    known = isinstance(error, NoMajority | NotKept | Denied)
    return str(error) if known else type(error).__name__


def is_uncertain(error: PyMongoError) -> bool:
    """Whether a request with this error may have changed data, by this or an earlier write."""
    return has_written() or not isinstance(error, Denied | ServerSelectionTimeoutError)
