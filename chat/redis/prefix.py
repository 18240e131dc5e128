"""REDIS_PREFIX: the prefix of all keys and pub/sub channels in a Redis shared with others.

The rest of the program uses names without the prefix (``cache:site``). This module adds it when a
command is sent and removes it when Redis answers key names, so that no caller can forget it.

In a Cluster the companion of a data key lives in the same slot, because its hash tag is the name
of the data key (``v:{cache:site}``). So the prefix goes before the name and into the tag.
"""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask

_FIRST = frozenset((
    "GET", "SET", "EXPIRE", "PEXPIRE", "TTL", "PTTL", "TYPE", "STRLEN", "INCR", "INCRBY", "HGET",
    "HSET", "HDEL", "HEXISTS", "HGETALL", "HVALS", "HKEYS", "HLEN", "HMGET", "HINCRBY", "LRANGE",
    "LLEN", "LINDEX", "RPUSH", "LTRIM", "SADD", "SREM", "SCARD", "SMEMBERS", "SISMEMBER", "ZADD",
    "ZREM", "ZRANGE", "ZCARD", "ZSCORE", "ZMSCORE", "ZCOUNT", "ZRANGEBYSCORE", "PUBLISH",
))  # fmt: skip
_EACH = frozenset(("DEL", "UNLINK", "EXISTS", "MGET", "TOUCH"))
_SCRIPTS = frozenset(("EVAL", "EVALSHA"))  # script, number of keys, keys, arguments
_NONE = frozenset(("PING", "ECHO", "INFO", "ROLE", "DBSIZE", "SCAN", "ASKING", "TIME"))
KNOWN = _FIRST | _EACH | _SCRIPTS | _NONE
_GLOB = re.compile(r"([*?\[\]\\^])")

_prefix = _pattern = ""


def init_app(app: Flask) -> None:
    """Read the setting. With a second app in the process its prefix replaces the first one."""
    global _prefix, _pattern
    _prefix = app.config.get("REDIS_PREFIX") or ""
    _pattern = _GLOB.sub(r"\\\1", _prefix)


def prefix() -> str:
    """The prefix; empty if none is set."""
    return _prefix


def full(name: str) -> str:
    """The name in Redis, with the prefix."""
    return _prefix + name.replace("{", "{" + _prefix, 1)


def bare(name: str) -> str:
    """The reverse of ``full``; ``name`` must begin with the prefix."""
    return name.removeprefix(_prefix).replace("{" + _prefix, "{", 1)


def pattern(glob: str) -> str:
    """``glob`` with the prefix, whose special characters are escaped."""
    return _pattern + glob.replace("{", "{" + _pattern, 1)


def sent(command: tuple[Any, ...]) -> tuple[Any, ...]:
    """The command as it is sent: with the prefix before all its keys."""
    return _with_full_names(command) if _prefix else command


def _with_full_names(command: tuple[Any, ...]) -> tuple[Any, ...]:
    verb = command[0]
    if verb in _NONE:
        return command
    if verb in _FIRST:
        return (verb, full(command[1]), *command[2:])
    if verb in _EACH:
        return (verb, *map(full, command[1:]))
    if verb in _SCRIPTS:
        end = 3 + int(command[2])
        return (*command[:3], *map(full, command[3:end]), *command[end:])
    raise ValueError(f"chat.redis.prefix does not know where {verb} has its keys")


class Scanning:
    """A mixin for clients: SCAN finds only our keys and returns them without the prefix."""

    def scan(self, cursor: Any = 0, match: Any = None, *args: Any, **options: Any) -> Any:
        """The next cursor, and some key names."""
        scan: Callable[..., Any] = super().scan  # type: ignore[misc]
        if not _prefix:
            return scan(cursor, match, *args, **options)
        cursor, names = scan(cursor, pattern(match or "*"), *args, **options)
        return cursor, [bare(name) for name in names]
