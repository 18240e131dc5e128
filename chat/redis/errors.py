"""What the door answers when Redis does not, and what each kind of trouble means."""

import re
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

from chat.redis import prefix


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
_NOT_NOW_WORDS = ("MISCONF ", "NOREPLICAS ", "BUSY ", "OOM command", "READONLY ")
# A key holds something else than what we keep there.
_POISON = ("WRONGTYPE", "is not an integer", "is not a valid float", "would overflow")
_DENIED = ("NOAUTH", "WRONGPASS", "NOPERM", "ACL failure", "ERR AUTH", "ERR invalid password")
_UNKNOWN_COMMAND = re.compile(
    r"(?:ERR )?unknown (?:redis )?command\b(?: '([^']+)')?", re.IGNORECASE
)
_NO_FREE_CONNECTION = "No connection available."
_SENT_ROUND = "TTL exhausted."  # a Cluster's client was told to try again, or elsewhere, too often


class Lacking(NoPermissionError):
    """The user of Redis may not do what the product needs; the text names the rights."""


class Unfit(redis.ConnectionError):
    """The server answers, but it is not, or does not hold, what it should."""


class NotReady(redis.RedisError):
    """The server answers, but somebody who must repair something first could not."""


class Unknown(redis.RedisError):
    """The server does not have commands that the product needs; the text names them."""


def kind_of(error: Exception) -> str:
    """Is this Redis gone (outage), too busy (load), refusing us (denied), our mistake (bug)?

    Or is there something in it that is not ours (poison)?
    """
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return DENIED
    if isinstance(error, Unknown):
        return DENIED
    if is_unknown_command(error):
        return BUG if _is_mistake(error) else DENIED
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
    # Before 7.0 a script's error has the error of its command somewhere inside.
    if isinstance(error, _NOT_NOW) or any(word in text for word in _NOT_NOW_WORDS):
        return OUTAGE
    return POISON if any(words in text for words in _POISON) else BUG


def has_answered(error: Exception) -> bool:
    """Whether the server is there, and only cannot be used: it can perhaps be told something."""
    return isinstance(error, ResponseError | Unfit | NotReady) or kind_of(error) in (
        DENIED,
        LOAD,
        POISON,
    )


def is_moving(error: Any) -> bool:
    """Whether a Cluster moves the slot to another node: only its keys are out of reach."""
    return isinstance(error, TryAgainError) or (
        isinstance(error, Exception) and _SENT_ROUND in str(error)
    )


def is_unknown_command(error: Any) -> bool:
    """Whether the server has no such command: it was renamed, or switched off."""
    return isinstance(error, ResponseError) and bool(_UNKNOWN_COMMAND.match(str(error)))


def name_of_unknown(error: Exception) -> str:
    """What it is called, where the server says so: it does not inside of a script."""
    found = _UNKNOWN_COMMAND.match(str(error))
    return (found and found[1]) or ""


def _is_mistake(error: Exception) -> bool:
    """Whether a command that is unknown is one that we do not need."""
    name = name_of_unknown(error).upper()
    return bool(name) and name not in prefix.KNOWN
