"""While any process is cut off from Redis, no process trusts what Redis holds (R13, R20).

A process that does not use Redis cannot announce its writes, so what others find in the caches may
be old. It says so in MongoDB, before it acknowledges the first such write and every second after
that. The others look once a second, and before they begin to trust Redis; while somebody says so
they read from MongoDB, and their browsers ask for changes instead of waiting to be told.

A second is too long where Redis still answers and only refuses something, or holds something that
is none of ours. So before that acknowledgement the process also takes our mark away there
(``chat.redis.revocation``): whoever still trusts Redis finds out in the very next round trip. What
remains: where Redis does not answer this process, another one that it does answer may still
answer from a cache for about a second after that first write (EVERY and a query's time).

A process with DISABLE_REDIS is cut off from its first moment to its last, and says so as well. To
know whether it is alone it needs to hear of those, too, that Redis serves well: they say in MongoDB
that they are there as long as somebody is cut off.

A process that was killed is forgotten after FORGOTTEN seconds. When nobody is cut off any more,
each process takes out of Redis what may be old before it trusts it: who was killed could not.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Any

import gevent
import pymongo
from flask import Flask
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from pymongo.errors import PyMongoError

from chat.cache import type_check, updates
from chat.cache.fence import TRUSTED_MS
from chat.cache.fence import writes as fence_writes
from chat.models.base import DATABASE_GONE
from chat.models.outage import Outage
from chat.redis import DOWN, recovery, revocation
from chat.redis.client import redis

log = logging.getLogger(__name__)

EVERY = 1.0
QUERY_SECONDS = 1.5  # two of them, and EVERY, are less than FORGOTTEN
FORGOTTEN = 5.0
THERE_ARE = "Another process is cut off from Redis: reading from MongoDB until it is back"
THERE_ARE_NONE = "Every process can reach Redis again"


class Outages:
    """What this process says and knows of processes that are cut off."""

    def __init__(self, company: bool = False) -> None:
        self.elsewhere = False
        self.apart = False
        self.company = company  # as far as a process knows that Redis tells nothing
        self._told: bool | None = None  # others were told: cut off, only there, or nothing
        self._told_at = -inf
        self._revoked = -1  # in which outage (``Breaker.generation``) nobody trusts our mark
        self._words = 0  # heard over pub/sub
        self._logged = False
        self._wake = Event()
        self._telling = BoundedSemaphore()
        self._greenlet: gevent.Greenlet | None = None
        self._listeners: list[Callable[[bool], None]] = []
        self._before_trust: list[Callable[[], bool]] = []

    def on_change(self, fn: Callable[[bool], None]) -> None:
        """``fn(must_ask)`` when what others do begins not to be heard here, and when it ends."""
        if fn not in self._listeners:
            self._listeners.append(fn)

    def before_trust(self, fn: Callable[[], bool]) -> None:
        """``fn`` must say True before this process believes Redis again."""
        if fn not in self._before_trust:
            self._before_trust.append(fn)

    def must_ask(self) -> bool:
        """Whether there are processes of which nothing is heard here."""
        return self.elsewhere if redis.enabled else self.company

    def say(self) -> None:
        """A write could not be announced: let the others know before it is acknowledged."""
        with self._telling:  # of many at once one says it for all
            if time.monotonic() - self._told_at > FORGOTTEN - 2 * EVERY:
                self._told, self._revoked = None, -1  # others may have forgotten, and be back
            if not self._told:
                with suppress(PyMongoError):  # the write is stored; the next second tries again
                    self._tell(cut_off=True)
            self._revoke()

    def look(self) -> None:
        """Once a second: repeat what is still so, and hear what others say."""
        with self._telling, pymongo.timeout(QUERY_SECONDS):
            if self.elsewhere or not redis.is_up():
                self._tell(cut_off=not redis.is_up())
                self._see_whether_revoked()
            elif self._told is not None:
                self._take_back()
        words = self._words
        self._hear(*self._others(), words)

    def ask(self) -> bool:
        """Our mark is in Redis again: who was cut off before does not take it away a second time,
        but has said so in MongoDB. True: while MongoDB is away what was known has to do."""
        with suppress(*DATABASE_GONE):
            elsewhere, company = self._others()
            if elsewhere:
                self._hear(elsewhere, company, self._words)
        return True

    def heed(self) -> None:
        """Somebody who is cut off, and could not take our mark away, says so over pub/sub."""
        self._words += 1
        self._hear(True, self.company, self._words)

    def hurry(self) -> None:
        """Look now: others should hear of what has just changed here before they need to."""
        self._wake.set()

    def run(self, app: Flask) -> None:
        """For ever."""
        while True:
            self._wake.wait(EVERY)
            self._wake.clear()
            self.look_safely(app)

    def look_safely(self, app: Flask) -> None:
        """``look`` where nobody could do anything about its failure."""
        try:
            with app.app_context():
                self.look()
        except DATABASE_GONE as error:
            log.debug("outages: %s", error)
        except Exception:
            log.exception("looking for processes that are cut off")

    def start(self, app: Flask) -> None:
        """Begin, in this process: before its first request, if MongoDB answers."""
        if not self._greenlet:
            self.look_safely(app)
            self._greenlet = gevent.spawn(self.run, app)

    def stop(self) -> None:
        """End: a process that is gone writes nothing that others would have to know of."""
        if self._greenlet:
            self._greenlet.kill(timeout=1)
        self._greenlet = None
        with self._telling, suppress(PyMongoError):
            if self._told is not None:
                self._take_back()

    def _tell(self, cut_off: bool) -> None:
        began = time.monotonic()
        Outage.say(updates.origin(), cut_off)
        self._told, self._told_at = cut_off, began

    def _take_back(self) -> None:
        self._told = None
        Outage.over(updates.origin())

    def _others(self) -> tuple[bool, bool]:
        with pymongo.timeout(QUERY_SECONDS):
            return Outage.others(updates.origin(), FORGOTTEN)

    def _revoke(self) -> None:
        """Once an outage, before the first write that nobody is told of is acknowledged."""
        outage = redis.breaker.generation
        if redis.is_up() or not redis.reached or self._revoked == outage:
            return
        if self._told:  # else the others, who ask in MongoDB, may be back before the next write
            self._revoked = outage
        if not revocation.revoke(redis, *updates.packed("channels", {"type": "cut_off"})):
            gevent.sleep(TRUSTED_MS / 1000)  # until the word has arrived

    def _see_whether_revoked(self) -> None:
        """Where the mark is gone after this process has said that it is cut off, who makes it anew
        knows. Without this each would turn the others out again who have just come back."""
        outage = redis.breaker.generation
        if redis.is_up() or not redis.reached or self._revoked == outage:
            return
        if revocation.is_revoked(redis):
            self._revoked = outage

    def _hear(self, elsewhere: bool, company: bool, words: int) -> None:
        """``words``: how many had been heard when this was asked for; later ones are newer."""
        asked = self.must_ask()
        if elsewhere or not self.elsewhere or self._may_trust():
            self.elsewhere = elsewhere or words != self._words
        self._log()
        self.company = company
        if self.must_ask() != asked:
            for fn in self._listeners:
                fn(not asked)

    def _log(self) -> None:
        """One line when it begins and one when it ends, if the door's two lines do not say it all:
        where Redis is gone for everybody, nobody else is cut off."""
        there_are = self.elsewhere and (self._logged or _is_well_here())
        if there_are != self._logged:
            self._logged = there_are
            log.warning(THERE_ARE if there_are else THERE_ARE_NONE)

    def _may_trust(self) -> bool:
        """Nobody is cut off any more: empty what may be old. Who was killed could not do it.

        False while Redis is away: then this process is cut off itself, and its recovery does it.
        """
        if not redis.enabled:
            return True
        flushed = redis.call(recovery.flush, "after an outage elsewhere") is not DOWN
        return flushed and all(fn() for fn in self._before_trust)


def _is_well_here() -> bool:
    """Whether this process has had Redis for longer than others need to find it again, and has it
    now, of which it might not have heard yet."""
    return redis.is_calm() and redis.call(lambda client: client.ping(), "outages") is not DOWN


_outages = Outages()


def init_app(app: Flask) -> None:
    """A second app starts with a clean slate."""
    global _outages
    _outages = Outages(company=app.config["WORKERS"] > 1)
    fence_writes.on_unannounced(_outages.say)
    redis.after_mark(_outages.ask)
    redis.on_change(lambda up: _outages.hurry())
    updates.subscribe("channels", _on_update)
    type_check.init_app()


def _on_update(event: dict[str, Any]) -> None:
    if event.get("type") == "cut_off":
        _outages.heed()


def start(app: Flask) -> None:
    """Begin to look at what other processes say."""
    _outages.start(app)


def stop(app: Flask) -> None:
    """Stop looking."""
    with app.app_context():
        _outages.stop()


def say() -> None:
    """Something was stored that Redis could not be told of: call it before that is acknowledged."""
    _outages.say()


def elsewhere() -> bool:
    """Whether some other process is, or is about to be, cut off: the caches may be old."""
    return _outages.elsewhere or _outages.apart


def all_heard() -> bool:
    """Whether all that other processes do is heard here: over Redis, or there are none."""
    return (redis.is_up() or not redis.enabled) and not _outages.must_ask()


def stand_apart(apart: bool) -> None:
    """Read from MongoDB although nobody is cut off yet, or not again: somebody is about to be."""
    _outages.apart = apart


def on_change(fn: Callable[[bool], None]) -> None:
    """``fn(must_ask)`` when what some other process tells no longer arrives, and when it does."""
    _outages.on_change(fn)


def before_trust(fn: Callable[[], bool]) -> None:
    """``fn`` must say True before Redis is believed after others were cut off."""
    _outages.before_trust(fn)
