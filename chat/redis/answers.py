"""What the door answers when Redis does not, and what each kind of trouble means."""

from typing import Any, ClassVar, Final, Self

import redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterCrossSlotError,
    ClusterDownError,
    CrossSlotTransactionError,
    DataError,
    MaxConnectionsError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)

from chat.traces import unquoted


class Down:
    """The type of `DOWN`. Falsy, but compare with `is DOWN`: an empty answer is falsy too."""

    _only: ClassVar[Self | None] = None  # type: ignore[misc]

    def __new__(cls) -> Self:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "DOWN"


DOWN: Final = Down()

OUTAGE, LOAD, DENIED, BUG, POISON = "outage", "load", "denied", "bug", "poison"

# Errors the server answers with that say "not now" or "not here", not "you asked wrongly". Of some
# prefixes redis-py makes classes, and cuts them off the text; the others stay in it.
_NOT_NOW = (ReadOnlyError, OutOfMemoryError, ClusterDownError, AskError)  # and subclasses: MOVED
_NOT_NOW_PREFIXES = ("MISCONF", "NOREPLICAS", "BUSY")
# A key holds something else than what we keep there.
_POISON = ("WRONGTYPE", "is not an integer", "is not a valid float", "would overflow")
_DENIED = ("NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR invalid password")
_NO_FREE_CONNECTION = "No connection available."
_SENT_ROUND = "TTL exhausted."  # a Cluster's client was told to try again, or elsewhere, too often


def kind_of(error: Exception) -> str:
    """Is this Redis gone (outage), too busy (load), refusing us (denied), our mistake (bug)?

    Or is there something in it that is not ours (poison)?
    """
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return DENIED
    if isinstance(error, MaxConnectionsError) or _NO_FREE_CONNECTION in str(error):
        return LOAD
    if is_moving(error):
        return LOAD
    if isinstance(error, ClusterCrossSlotError | CrossSlotTransactionError | DataError):
        return BUG
    if isinstance(error, RedisClusterException):
        return BUG if "slot" in str(error) and "key" in str(error) else OUTAGE
    if isinstance(error, ResponseError):
        return _kind_of_reply(error)
    if isinstance(error, redis.RedisError | OSError):
        return OUTAGE
    return BUG


def _kind_of_reply(error: ResponseError) -> str:
    text = str(error)
    if text.startswith(_DENIED):
        return DENIED
    if isinstance(error, _NOT_NOW) or text.startswith(_NOT_NOW_PREFIXES):
        return OUTAGE
    return POISON if any(words in text for words in _POISON) else BUG


def is_moving(error: Any) -> bool:
    """Whether a Cluster moves the slot to another node: only its keys are out of reach."""
    return isinstance(error, TryAgainError) or (
        isinstance(error, Exception) and _SENT_ROUND in str(error)
    )


def describe(error: Exception, kind: str) -> str:
    """One line for a log or a status page; a wrong password never looks like an outage."""
    text = unquoted(" ".join(str(error).split()))[:200] or "no detail"
    prefix = "authentication refused" if kind == DENIED else type(error).__name__
    return f"{prefix}: {text}"
