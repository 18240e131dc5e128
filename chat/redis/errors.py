"""`DOWN`, the door's answer if Redis gives none, and the classification of Redis errors."""

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

# Errors that say "not now" or "not here", not "the command is wrong". redis-py turns some error
# prefixes into exception classes and removes them from the text; other prefixes stay in the text.
_NOT_NOW = (ReadOnlyError, OutOfMemoryError, ClusterDownError, AskError)  # and subclasses: MOVED
_NOT_NOW_WORDS = ("MISCONF ", "NOREPLICAS ", "BUSY ", "OOM command", "READONLY ")
# A key holds a value of another type than the one that we store there.
_POISON = ("WRONGTYPE", "is not an integer", "is not a valid float", "would overflow")
_DENIED = ("NOAUTH", "WRONGPASS", "NOPERM", "ACL failure", "ERR AUTH", "ERR invalid password")
_UNKNOWN_COMMAND = re.compile(
    r"(?:ERR )?unknown (?:redis )?command\b(?: '([^']+)')?", re.IGNORECASE
)
_NO_FREE_CONNECTION = "No connection available."
_SENT_ROUND = "TTL exhausted."  # the Cluster client followed too many redirects or TRYAGAINs


class Lacking(NoPermissionError):
    """The Redis user lacks rights that the product needs; the text names them."""


class Unfit(redis.ConnectionError):
    """The server answers but must not be used: it is no master, or has other contents."""


class NotReady(redis.RedisError):
    """The server answers, but somebody who must repair something first could not."""


class Unknown(redis.RedisError):
    """The server lacks commands that the product needs; the text names them."""


def kind_of(error: Exception) -> str:
    """The kind of an error.

    OUTAGE: Redis is down. LOAD: Redis or its connection pool is too busy. DENIED: Redis refuses
    us. BUG: our own mistake. POISON: a key holds something that we did not write.
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
    # Before Redis 7.0 the error of a script contains its command's error somewhere in the text.
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
    """Whether a Cluster is moving the slot to another node; only the keys of that slot fail."""
    return isinstance(error, TryAgainError) or (
        isinstance(error, Exception) and _SENT_ROUND in str(error)
    )


def is_unknown_command(error: Any) -> bool:
    """Whether the server does not know the command: it was renamed or disabled."""
    return isinstance(error, ResponseError) and bool(_UNKNOWN_COMMAND.match(str(error)))


def name_of_unknown(error: Exception) -> str:
    """The name of an unknown command; empty inside a script, where the server does not tell."""
    found = _UNKNOWN_COMMAND.match(str(error))
    return (found and found[1]) or ""


def _is_mistake(error: Exception) -> bool:
    """Whether the unknown command is one that the product does not use: a bug of ours."""
    name = name_of_unknown(error).upper()
    return bool(name) and name not in prefix.KNOWN
