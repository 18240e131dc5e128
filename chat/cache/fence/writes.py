"""The writers' half of the fence (``chat.cache.fence``): begin a write, then end or release it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chat import rollout
from chat.cache.fence import (
    TOKEN_SECONDS,
    TRUSTED_MS,
    cluster_steps,  # noqa: F401 - says how scripts go while a Cluster moves keys
    companions,
    new_token,
)
from chat.cache.fence.scripts import BEGIN, END, END_APPEND, END_CHANGES, END_TOUCH, RELEASE
from chat.redis import DOWN, scripts
from chat.redis.client import redis


@dataclass(frozen=True)
class Write:
    """A write in progress on one key.

    ``fenced`` is False if the write is not announced in Redis: Redis is down, or no process uses
    the structure (``chat.rollout``).
    """

    key: str
    writer: str
    started: float
    fenced: bool


_unannounced: list[Callable[[], None]] = []


def on_unannounced(fn: Callable[[], None]) -> None:
    """Call ``fn()`` before the acknowledgement of each write that Redis could not be told of."""
    _unannounced[:] = [fn]


def begin(key: str) -> Write:
    """Announce a write before it goes to MongoDB."""
    return begin_all([key])[0]


class Announcement:
    """One write that touches several keys, before it is announced: ``calls`` do that."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [(key, new_token(), rollout.writes_to(key)) for key in keys]
        self.calls: list[scripts.Call] = [
            (BEGIN, companions(key), [writer, TOKEN_SECONDS])
            for key, writer, is_told in self._keys
            if is_told
        ]

    def begun(self, is_heard: bool = True) -> list[Write]:
        """The writes, after Redis was told. ``is_heard``: whether it has confirmed."""
        started = time.monotonic()
        return [
            Write(key, writer, started, is_heard and is_told) for key, writer, is_told in self._keys
        ]


def begin_all(keys: Sequence[str]) -> list[Write]:
    """Announce one write that touches several keys, in one round trip."""
    announcement = Announcement(keys)
    calls = announcement.calls
    heard = calls and redis.call(lambda client: scripts.run_all(client, calls), what="begin")
    return announcement.begun(heard is not DOWN)


@dataclass(frozen=True)
class Ending:
    """How D is updated at the end of a write; made by ``drop``, ``apply``, ``append``, ``change``
    or ``touch``."""

    script: str
    args: tuple[Any, ...]


def touch() -> Ending:
    """Leave D unchanged under a new version, because something made from D has changed."""
    return Ending(END_TOUCH, ())


def drop() -> Ending:
    """Delete D; the next reader fills."""
    return Ending(END, ())


def apply(*command: Any) -> Ending:
    """Apply a command to D (SET, HSET, SADD, ...), or delete D if another write overlapped."""
    return Ending(END, command)


def append(posts: Sequence[tuple[int, str]], most: int) -> Ending:
    """Append posts (seq, element), oldest first, to the list D; keep the last ``most``.

    Deletes the list if the seqs would have a gap.
    """
    first, last = posts[0][0], posts[-1][0]
    if last - first != len(posts) - 1:  # another process took a seq in between
        return drop()
    return Ending(END_APPEND, (first, most, *(item for _seq, item in posts)))


def change(changes: Sequence[tuple[int, int, str]], most: int) -> Ending:
    """Apply numbered changes (rev, seq, element) in order to the list D; keep the last ``most``.

    A change with an empty element does not belong into the list. Deletes the list if it would show
    a change without an earlier one.
    """
    return Ending(END_CHANGES, (most, *(part for each in changes for part in each)))


def end(write: Write, *command: Any) -> None:
    """After the MongoDB write: apply a command to D, or delete D."""
    end_all([(write, Ending(END, command))])


def end_all(endings: Sequence[tuple[Write, Ending]]) -> None:
    """End a write on all its keys, in one round trip. Call before the acknowledgement.

    If Redis does not confirm, waits until no reader trusts the old values (TRUSTED_MS). Whether a
    structure is in use is checked again. If it came into use since the write began, D is deleted,
    because its token is not this write's.
    """
    endings = [(write, how) for write, how in endings if rollout.writes_to(write.key)]
    if not endings:
        return
    calls = [
        (how.script, companions(write.key), [write.writer, new_token(), TOKEN_SECONDS, *how.args])
        for write, how in endings
    ]
    told = redis.call(lambda r: scripts.run_all(r, calls), what="end")
    if told is not DOWN:
        return
    write = next((write for write, _ in endings if not write.fenced), endings[-1][0])
    if not write.fenced and redis.is_up():
        # Redis was too busy for both calls, so no process knows that D is stale.
        redis.suspect(f"a write could not be announced ({write.key})")
    for fn in _unannounced:
        fn()
    if write.fenced:
        time.sleep(max(0.0, write.started + TRUSTED_MS / 1000 - time.monotonic()))


def release(write: Write) -> None:
    """End a write that MongoDB refused: the cached value is still right."""
    release_all([write])


def release_all(writes: Sequence[Write]) -> None:
    """``release`` of a write on all its keys, in one round trip. Also if it was never tried."""
    calls: list[scripts.Call] = [
        (RELEASE, companions(write.key), [write.writer])
        for write in writes
        if rollout.writes_to(write.key)
    ]
    if calls:
        redis.call(lambda client: scripts.run_all(client, calls), what="release")
