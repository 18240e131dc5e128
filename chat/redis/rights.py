"""The rights that the Redis user of the product needs, and the check that names missing ones.

When Redis refuses a call, it names the command but not the key or channel. So each health check
asks for all needed rights at once (``redis.acl_check_cmd``, from Redis 7.0 on). Every question has
all arguments of its command: a server may stop if a key is left out.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from chat.redis import prefix as redis_prefix
from chat.redis import scripts
from chat.redis.errors import Lacking, Unknown
from chat.redis_schema import keys

# Command and arguments; K stands for one of our keys.
K = object()
COMMANDS: tuple[tuple[Any, ...], ...] = (
    ("GET", K), ("SET", K, "1"), ("DEL", K), ("UNLINK", K), ("EXISTS", K), ("MGET", K),
    ("EXPIRE", K, "1"), ("TTL", K), ("PTTL", K), ("TYPE", K), ("RENAME", K, K), ("INCR", K),
    ("INCRBY", K, "1"), ("DECR", K), ("HGET", K, "f"), ("HSET", K, "f", "1"), ("HDEL", K, "f"),
    ("HEXISTS", K, "f"), ("HGETALL", K), ("HKEYS", K), ("HVALS", K), ("HMGET", K, "f"),
    ("HINCRBY", K, "f", "1"),
    ("LINDEX", K, "0"), ("LSET", K, "0", "1"), ("LRANGE", K, "0", "1"), ("LTRIM", K, "0", "1"),
    ("RPUSH", K, "1"),
    ("SADD", K, "m"), ("SREM", K, "m"), ("SCARD", K), ("SISMEMBER", K, "m"), ("SMEMBERS", K),
    ("ZADD", K, "1", "m"), ("ZCARD", K), ("ZMSCORE", K, "m"), ("ZRANGE", K, "0", "1"),
    ("ZRANGEBYSCORE", K, "0", "1"), ("ZREVRANGEBYSCORE", K, "1", "0"), ("ZREM", K, "m"),
    ("ZREMRANGEBYRANK", K, "0", "1"), ("ZREMRANGEBYSCORE", K, "0", "1"),
    ("EVAL", "return 1", "1", K), ("EVALSHA", scripts.sha_of("return 1"), "1", K),
    ("TIME",), ("SCAN", "0"), ("PING",),
)  # fmt: skip
SELDOM = ("SELECT", "UNSUBSCRIBE", "CLIENT|SETINFO")  # about a connection, not about a key
READING, WRITING = ("GET", "EXISTS"), ("SET", "DEL", "EXPIRE")
HELPFUL = ("INFO", "ROLE", "DBSIZE")  # optional: the status page knows less without them
CHANNELS = ("updates:channels", "updates:messages", "updates:users", "chat:socketio")
PATTERNS = ("cache:*", "session:*", "ended:{session:*", "limit:*", "v:{cache:*", "w:{cache:*",
            "a:{cache:*", "f:{cache:*", "{presence}:*", "chat:mark")  # fmt: skip

Question = tuple[str, ...]

# Each question is answered with 1 (may), 0 (may not) or ? (the server has no such command).
_ASK = """
local function may(questions)
  if not redis.acl_check_cmd then return '' end
  local out = {}
  for i, asked in ipairs(questions) do
    local known, allowed = pcall(redis.acl_check_cmd, unpack(asked))
    out[i] = known and (allowed and '1' or '0') or '?'
  end
  return table.concat(out)
end
"""


def asking() -> str:
    """The Lua text of a function call that answers all questions in one string."""
    return f"may({_questions_in_lua(redis_prefix.prefix())})"


def lua() -> str:
    """The Lua function that a script must define before the text of ``asking``."""
    return _ASK


def check(told: str) -> None:
    """Raise Unknown or Lacking with the missing rights as an ACL names them.

    Before Redis 7.0 ``told`` is empty and nothing is checked.
    """
    answers = dict(zip(_questions(redis_prefix.prefix()), told, strict=False))
    unknown = sorted({question[0] for question, answer in answers.items() if answer == "?"})
    if unknown:
        raise Unknown(
            f"it does not have {', '.join(unknown)} (renamed or switched off in its settings)"
        )
    if lacking := _lacking(answers):
        raise Lacking(f"its user lacks the rights {' '.join(lacking)}")


def _lacking(answers: dict[Question, str]) -> list[str]:
    may = {question for question, answer in answers.items() if answer == "1"}
    if len(may) == len(answers):
        return []
    return [*_commands(may), *_keys(may), *_channels(may)]


def _commands(may: set[Question]) -> list[str]:
    """Commands that are not allowed; those on keys only if some key may be used at all."""
    used = {question[0] for question in may}
    wanted = [command for command in COMMANDS if command[0] not in used]
    some_key = any(question[0] in (*READING, *WRITING) for question in may)
    return [f"+{name.lower()}" for name, *rest in wanted if some_key or K not in rest]


def _keys(may: set[Question]) -> list[str]:
    found = []
    for pattern in PATTERNS:
        key = _sample(pattern)
        for group in (READING, WRITING):
            anywhere = any(question[0] in group for question in may)
            here = any(question[0] in group and key in question for question in may)
            if not here and (anywhere or not any(q[0] in READING + WRITING for q in may)):
                found.append(f"~{_acl(pattern)}")
    return list(dict.fromkeys(found))


def _channels(may: set[Question]) -> list[str]:
    told = [question for question in may if question[0] in ("PUBLISH", "SUBSCRIBE")]
    verbs = {question[0] for question in told}
    heard = {question[1] for question in told}
    missing = [f"&{_acl(one)}" for one in CHANNELS if redis_prefix.full(one) not in heard]
    if not told:
        return [*missing, "(or +publish +subscribe)"]
    return [
        *missing,
        *(f"+{verb.lower()}" for verb in ("PUBLISH", "SUBSCRIBE") if verb not in verbs),
    ]


def line(user: str = "chat", password: str = "PASSWORD") -> str:
    """The ACL command that creates a user with all needed and helpful rights and no others."""
    commands = [*(command[0] for command in COMMANDS), "PUBLISH", "SUBSCRIBE", *SELDOM, *HELPFUL]
    return " ".join((
        f"ACL SETUSER {user} on >{password} resetkeys resetchannels -@all",
        *(f"~{_acl(pattern)}" for pattern in PATTERNS),
        *(f"&{_acl(channel)}" for channel in CHANNELS),
        *(f"+{command.lower()}" for command in commands),
    ))  # fmt: skip


def _acl(pattern: str) -> str:
    return redis_prefix.pattern(pattern)


def _sample(pattern: str) -> str:
    return redis_prefix.full(pattern.replace("*", "0" * 24))


@lru_cache(maxsize=4)
def _questions(_prefix: str) -> tuple[Question, ...]:
    """All questions: the usual commands with all key patterns, others with three, and channels."""
    samples = [_sample(pattern) for pattern in PATTERNS]
    few = [samples[0], samples[1], samples[-1]]
    found: list[Question] = []
    for command in COMMANDS:
        usual = command[0] in READING + WRITING
        for sample in samples if usual else few if K in command else samples[:1]:
            found.append(tuple(sample if part is K else part for part in command))
    for channel in map(redis_prefix.full, CHANNELS):
        found += [("PUBLISH", channel, "x"), ("SUBSCRIBE", channel)]
    return tuple(found)


@lru_cache(maxsize=4)
def _questions_in_lua(prefix: str) -> str:
    return f"{{{','.join(_table(question) for question in _questions(prefix))}}}"


def _table(question: Sequence[str]) -> str:
    return f"{{{','.join(json.dumps(part) for part in question)}}}"


def uncovered(patterns: Iterable[str] = PATTERNS) -> set[str]:
    """Declared keys that no pattern covers; a user made by ``line`` could not use them."""
    wanted = [s.name for s in keys.STRUCTURES] + list(keys.HELPERS)
    covered = tuple(pattern.removesuffix("*") for pattern in patterns)
    return {name for name in wanted if not name.replace("{*}", "{cache:").startswith(covered)}
