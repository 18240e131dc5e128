"""Compares samples of cached values with MongoDB, in the background, at most one a second.

A value may change during the comparison. So its version is read before and after the read from
MongoDB, and only a value with the same version and without a write in progress is judged. So a
single ``stale`` is a bug. The copy of this process under that version
(``chat.cache.process_copies``) is compared, too.

Presence is not stored in MongoDB, and the order of the list of people is written separately; both
are left out. So are sessions, because MongoDB decides about them anyway.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable
from random import choice, random

import gevent
from flask import Flask
from gevent.event import Event

from chat.cache import channels, emoji, members, messages, read_through, unread, users
from chat.cache.fence import reads as fence_reads
from chat.cache.process_copies import copies
from chat.cache.read_through import Source
from chat.cache.shapes import UNREADABLE
from chat.telemetry import events as telemetry
from chat.telemetry import registry
from chat.telemetry.events import structure_of

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two comparisons
MOST_WAITING = 20

SOURCES: dict[str, Callable[[str], Source]] = {
    "cache:users:profile:*": users.profile_source,
    "cache:channels:list": lambda _: channels.all_source(),
    "cache:channels:direct:*": channels.direct_source,
    "cache:channel:users:*": members.source,
    "cache:messages:recent:*": messages.source,
    "cache:messages:tail:*": unread.tail_source,
    "cache:users:marks:*": unread.marks_source,
    "cache:emoji:classics": lambda _: emoji.source(),
    "cache:site": lambda _: channels.site_source(),
}


class StaleCheck:
    """The queue of keys to compare in this process."""

    def __init__(self, share: float = 0.0) -> None:
        self.share = share
        self.waiting: deque[str] = deque()
        self.there = Event()

    def sample(self, keys: Iterable[str]) -> None:
        """Queue one of the keys of an answer for comparison, with the probability ``share``."""
        if random() >= self.share:
            return
        known = keys if isinstance(keys, Collection) else list(keys)
        fit = [key for key in known if structure_of(key) in SOURCES]
        if not fit:
            return
        key = choice(fit)
        if len(self.waiting) >= MOST_WAITING:
            registry.SHADOW.inc(structure_of(key), "skipped")
        else:
            self.waiting.append(key)
            self.there.set()


_check = StaleCheck()


def init_app(app: Flask) -> None:
    """Compare values of SHADOW_SAMPLE percent of the answers; none at 0."""
    global _check
    _check = StaleCheck(app.config.get("SHADOW_SAMPLE", 0) / 100)
    telemetry.on_hits(_check.sample if _check.share else None)


def watch(app: Flask) -> None:
    """For ever: compare what waits, one after the other."""
    mine = _check
    while True:
        mine.there.wait()
        while mine.waiting:
            check(app, mine.waiting.popleft())
            gevent.sleep(PAUSE)
        mine.there.clear()


def check(app: Flask, key: str) -> str:
    """Compare one cached value with MongoDB, and count what came out."""
    name = structure_of(key)
    try:
        with app.app_context():
            verdict = compare(SOURCES[name](key.rpartition(":")[2]))
    except Exception as error:  # noqa: BLE001 - MongoDB may be away; nobody waits for this
        log.debug("%s could not be compared: %s", name, type(error).__name__)
        verdict = "failed"
    if verdict == "stale":
        log.error("a cached value is not what MongoDB says: %s", key)
    registry.SHADOW.inc(name, verdict)
    return verdict


def compare(source: Source) -> str:
    """``agreed``, ``stale``, or ``undecided`` where something was written meanwhile."""
    before = _read(source)
    if not before.hit or before.left_ms < 0:  # gone, or a write is under way
        return "undecided"
    truth = source.load()
    after = _read(source)
    if not after.hit or after.version != before.version:  # a write that begins changes it, too
        return "undecided"
    held = copies.get(source.key)
    try:
        shown = [source.shape.decode(before.value, source.key)]
    except UNREADABLE:  # nobody is answered with it
        read_through.unreadable(source.key)
        return "undecided"
    if held is not None and held.version == before.version:
        shown.append(held.value)
    return "agreed" if all(value == truth for value in shown) else "stale"


def _read(source: Source) -> fence_reads.Reading:
    return fence_reads.read(source.key, *source.shape.read)
