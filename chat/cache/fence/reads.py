"""The readers' half of the fence (``chat.cache.fence``): trusted reads, and fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.cluster import RedisCluster

from chat.cache.fence import (
    LEASE_MS,
    TOKEN_SECONDS,
    TRUSTED_MS,
    cluster_steps,  # noqa: F401 - says how scripts go while a Cluster moves keys
    companions,
    new_token,
)
from chat.cache.fence.scripts import FILL, READ
from chat.cache.fence.scripts import SAME as SAME_OF_MANY
from chat.redis import DOWN, Down, prefix, scripts
from chat.redis.client import redis

GONE = -2  # the PTTL of a key that does not exist; SAME_OF_MANY uses it for "not the same", too
TOGETHER = 4  # from so many copies on, one script checks all of them
HIT, MISS, SAME = 1, 0, 3  # the answers of READ, besides BUSY


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of a read.

    ``token`` allows a fill; without one (BUSY, or Redis down) do not fill. A ``hit`` has the
    version of D, the rest of its lifetime in ms (-1 while a write is in progress), and the value.
    If the reader's copy is current, ``same`` is True and there is no value.
    """

    hit: bool
    value: Any = None
    token: str | None = None
    down: bool = False
    same: bool = False
    version: str | None = None
    left_ms: int = -1


@dataclass(frozen=True, slots=True)
class VersionedRead:
    """A reading command on one key, and the version of the reader's copy or ""."""

    key: str
    command: tuple[Any, ...]
    known: str = ""

    def call(self) -> scripts.Call:
        """The call of the script READ."""
        args = [new_token(), TOKEN_SECONDS, LEASE_MS, TRUSTED_MS, self.known, *self.command]
        return READ, companions(self.key), args


def read(key: str, command: str, *args: Any) -> Reading:
    """Run a reading command on D, if D may be trusted."""
    return ask([VersionedRead(key, (command, *args))])[0]


@dataclass
class Rider:
    """An unrelated script call that goes in the same round trip as a read."""

    call: scripts.Call
    answer: Any = None  # None until the call was made


def ask(questions: Sequence[VersionedRead], riders: Sequence[Rider] = ()) -> list[Reading]:
    """Many reads in one round trip, or in two if some copies are stale.

    From TOGETHER copies on, one script checks all copies, which is cheaper than one by one.
    """
    if not questions:
        return []
    known = [question for question in questions if question.known]
    if len(known) < TOGETHER or redis.connector.mode == "cluster":
        return _ask_each(questions, riders)
    same = redis.call(
        lambda client: _ask_together(client, known, questions, riders), "read many", spare=True
    )
    if isinstance(same, Down):
        return [Reading(hit=False, down=True)] * len(questions)
    rest = [question for question in questions if question.key not in same]
    found = same | dict(zip((q.key for q in rest), _ask_each(rest), strict=True))
    return [found[question.key] for question in questions]


def _ask_each(questions: Sequence[VersionedRead], riders: Sequence[Rider] = ()) -> list[Reading]:
    if not questions:
        return []
    calls = [question.call() for question in questions]
    what = questions[0].key if len(questions) == 1 else "read many"
    answers = redis.call(lambda client: _run(client, calls, riders), what, spare=True)
    if isinstance(answers, Down):
        return [Reading(hit=False, down=True)] * len(questions)
    return [reading_of(answer) for answer in answers]


def _run(client: Any, calls: list[scripts.Call], riders: Sequence[Rider]) -> list[Any]:
    answers = scripts.run_all(client, [*calls, *(rider.call for rider in riders)])
    for rider, answer in zip(riders, answers[len(calls) :], strict=True):
        rider.answer = answer
    return answers[: len(calls)]


def same_call(versions: dict[str, str]) -> scripts.Call:
    """The script call that checks whether many keys still have these versions.

    All keys must be on one server; in a Cluster make one call for each key. The script builds the
    names of the companions itself, because sending a key costs as much as reading it.
    """
    return SAME_OF_MANY, list(versions), [*versions.values(), prefix.prefix()]


def _ask_together(
    client: Any,
    known: list[VersionedRead],
    questions: Sequence[VersionedRead],
    riders: Sequence[Rider],
) -> dict[str, Reading]:
    """The readings of current copies and of keys without a copy, by key, in one round trip."""
    versions = {question.key: question.known for question in known}
    new = [question for question in questions if not question.known]
    calls = [same_call(versions), *(question.call() for question in new)]
    left, *answers = _run(client, calls, riders)
    found = {
        key: Reading(hit=True, same=True, version=version, left_ms=ms)
        for (key, version), ms in zip(versions.items(), left, strict=True)
        if ms != GONE
    }
    return found | {q.key: reading_of(a) for q, a in zip(new, answers, strict=True)}


def reading_of(answer: list[Any]) -> Reading:
    """The reading from an answer of READ."""
    kind = answer[0]
    if kind == SAME:
        return Reading(hit=True, same=True, version=answer[1], left_ms=answer[2])
    if kind == HIT:
        value = answer[3] if len(answer) > 3 else None
        return Reading(hit=True, value=value, version=answer[1], left_ms=answer[2])
    return Reading(hit=False, token=answer[1] if kind == MISS else None)


def fill(key: str, token: str, ttl: int, command: str, items: Sequence[Any]) -> str | None:
    """Store a value read from MongoDB, unless a write began since the token was given.

    Returns the version of the stored value, or None if it was not stored.
    """
    return fill_many([(key, token, items)], ttl, command)[0]


def get_many(keys: Sequence[str]) -> list[Reading]:
    """``read`` of many strings with plain commands. The readings have no version or lifetime.

    Usually no write is in progress on any of the keys. So one EXISTS for all writes and one MGET
    go in one round trip. Missing keys are read again by the script, which gives tokens.
    """
    found = redis.call(lambda r: _quiet_values(r, keys), what="get many", spare=True)
    if found is None or isinstance(found, Down):
        return ask([VersionedRead(key, ("GET",)) for key in keys])
    missing = [key for key, value in zip(keys, found, strict=True) if value is None]
    asked = dict(zip(missing, ask([VersionedRead(key, ("GET",)) for key in missing]), strict=True))
    return [
        asked[key] if value is None else Reading(hit=True, value=value)
        for key, value in zip(keys, found, strict=True)
    ]


def _quiet_values(client: Any, keys: Sequence[str]) -> list[Any] | None:
    """The values, or None if a write is in progress or the keys are in a Cluster."""
    if isinstance(client, RedisCluster):  # the keys live in many slots
        return None
    under_way = ("EXISTS", *(companions(key)[2] for key in keys))
    answers = client.together([under_way, ("MGET", *keys)])
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return None if answers[0] else list(answers[1])


def fill_many(
    fills: Sequence[tuple[str, str, Sequence[Any]]], ttl: int, command: str
) -> list[str | None]:
    """``fill`` for many (key, token, items) in one round trip."""
    if not fills:
        return []
    versions = [new_token() for _ in fills]
    calls = [
        (FILL, companions(key), [token, version, TOKEN_SECONDS, ttl, command, *items])
        for (key, token, items), version in zip(fills, versions, strict=True)
    ]
    told = redis.call(lambda client: scripts.run_all(client, calls), what="fill", spare=True)
    if isinstance(told, Down):
        return [None] * len(fills)
    return [version if ok == 1 else None for version, ok in zip(versions, told, strict=True)]


def forget(key: str) -> None:
    """Delete an unreadable D, which was not written by us."""
    if redis.call(lambda client: client.unlink(key), what=key) is DOWN:
        redis.suspect(f"an unreadable value could not be deleted ({key})")
