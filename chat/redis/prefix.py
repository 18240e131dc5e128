"""REDIS_PREFIX: what every key and every pub/sub channel begins with in a Redis that is shared.

The rest of the program knows names without it (``cache:site``). It is put on where a command
leaves, and taken off where Redis names keys, so that no caller can forget it.

In a Cluster a companion lives beside its data key, because the data key's name is its hash tag
(``v:{cache:site}``). So the prefix goes to two places: before the name, and into the tag.
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
    """Read the setting. A second app's takes the place of the first one's."""
    global _prefix, _pattern
    _prefix = app.config.get("REDIS_PREFIX") or ""
    _pattern = _GLOB.sub(r"\\\1", _prefix)


def prefix() -> str:
    """What names begin with; empty where Redis is ours alone."""
    return _prefix


def full(name: str) -> str:
    """The name that Redis knows it by."""
    return _prefix + name.replace("{", "{" + _prefix, 1)


def bare(name: str) -> str:
    """The reverse of ``full``, for a name of ours."""
    return name.removeprefix(_prefix).replace("{" + _prefix, "{", 1)


def pattern(glob: str) -> str:
    """The pattern that finds with a prefix what ``glob`` finds without one."""
    return _pattern + glob.replace("{", "{" + _pattern, 1)


def sent(command: tuple[Any, ...]) -> tuple[Any, ...]:
    """The command as it leaves."""
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
    """For a client: SCAN finds our names only, as the program knows them."""

    def scan(self, cursor: Any = 0, match: Any = None, *args: Any, **options: Any) -> Any:
        """Where to go on, and some names."""
        scan: Callable[..., Any] = super().scan  # type: ignore[misc]
        if not _prefix:
            return scan(cursor, match, *args, **options)
        cursor, names = scan(cursor, pattern(match or "*"), *args, **options)
        return cursor, [bare(name) for name in names]
