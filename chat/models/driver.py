"""The driver's client, and what it leaves to its callers: to tell a failure for what it is.

Every read and write of every model goes through here. Should a later driver lose the two methods
that are extended, each write waits for the majority alone, and nothing else changes.
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

ALTOGETHER = 1.9  # seconds for a write's wait for the majority and its look for another primary
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

_began: ContextVar[float] = ContextVar("began", default=0.0)  # when the write under way began
_unconfirmed: ContextVar[bool] = ContextVar("unconfirmed", default=False)
_written_to: ContextVar[str] = ContextVar("written_to", default="")  # the collection

# Sessions are renewed on the way to what a request is about, and ended on the way out.
BESIDE = frozenset(("sessions",))


# Neither is an OperationFailure: MongoEngine would make an error of its own of that.
class Denied(ConnectionFailure):
    """MongoDB does not let us do this: not our account, or nobody while its disk is full. For
    whoever asks it is as good as away."""


class NotKept(ConnectionFailure):
    """Written where it may be undone: nobody may be told that it is stored, or that it is not."""


class Unconfirmed(monitoring.CommandListener):
    """Notes, where a command is sent, what it writes to, and whether its answer said "not on the
    majority"."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Every write names its collection first."""
        if _began.get():
            _written_to.set(str(event.command.get(event.command_name, "")))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Of several tries the last one counts."""
        if _began.get():
            _unconfirmed.set("writeConcernError" in event.reply)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """The error says it."""


class MajorityClient(MongoClient):  # type: ignore[type-arg]
    """One process's client."""

    majority, reach = Majority(), Reach()

    def _retry_internal(self, *args: Any, **kwargs: Any) -> Any:
        """A read or a write, its second try included."""
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
            _confirm()  # what is there already may be undone as well
            raise
        finally:
            _began.reset(began)
            _unconfirmed.reset(unconfirmed)

    def _select_server(self, *args: Any, **kwargs: Any) -> Any:
        """A write that has waited for an answer has less time to look for another primary, and none
        where nobody has."""
        waited = time.monotonic() - began if (began := _began.get()) else 0.0
        left = ALTOGETHER - waited
        if self.reach.patience() <= max(0.0, left):  # what the driver keeps to by itself
            return super()._select_server(*args, **kwargs)
        with timeout(max(0.05, left)):
            return super()._select_server(*args, **kwargs)


def _confirm() -> None:
    """The driver prefers other errors to this one, and tells it of many writes in a list."""
    if _unconfirmed.get():
        raise NotKept(NO_MAJORITY)


def _note_written() -> None:
    """From now on nobody may be told that this request has changed nothing."""
    if has_request_context() and _written_to.get() not in BESIDE:
        g.has_written = True


def has_written() -> bool:
    """Whether a write of this request went through."""
    return has_request_context() and bool(g.get("has_written"))


def reason(error: Exception) -> str:
    """Why MongoDB cannot be used, for who looks after it: never with an address or a value."""
    known = isinstance(error, NoMajority | NotKept | Denied)
    return str(error) if known else type(error).__name__


def is_uncertain(error: PyMongoError) -> bool:
    """Whether a request that ended so may have changed something all the same: this write or one
    before it."""
    return has_written() or not isinstance(error, Denied | ServerSelectionTimeoutError)
