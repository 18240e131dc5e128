"""While one process is cut off from Redis, no process trusts the contents of Redis (R13, R20).

A process that does not use Redis cannot announce its writes, so the caches may be stale for the
others. It reports that in MongoDB, before it acknowledges its first such write and every second
after that. The others poll these reports once a second, and before they begin to trust Redis. While
there is a report they read from MongoDB, and their browsers poll for changes.

One second is too long if Redis still answers and only refuses some command, or has wrong contents.
So before the acknowledgement the process also deletes our mark in Redis
(``chat.redis.revocation``). Processes that still trust Redis see that in their next round trip. One
case remains: if Redis answers other processes but not this one, they may serve stale values for
about one second after that first write (EVERY plus the time of a query).

A process with DISABLE_REDIS is cut off all the time and reports that, too. To know whether it is
the only process, it must also know of the processes that can reach Redis. So these report their
presence in MongoDB while any process is cut off.

The report of a killed process is ignored after FORGOTTEN seconds. When no process is cut off any
more, each process empties the caches before it trusts them, because a killed process could not.
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

from chat.cache import key_repair, updates
from chat.cache.fence import TRUSTED_MS
from chat.cache.fence import writes as fence_writes
from chat.models.background import go_on
from chat.models.base import DATABASE_GONE
from chat.models.outage import Outage
from chat.redis import DOWN, recovery, revocation
from chat.redis.client import redis

log = logging.getLogger(__name__)

EVERY = 1.0
QUERY_SECONDS = 1.5  # timeout; two queries plus EVERY must take less than FORGOTTEN
FORGOTTEN = 5.0
THERE_ARE = "Another process is cut off from Redis: reading from MongoDB until it is back"
THERE_ARE_NONE = "Every process can reach Redis again"


class Outages:
    """The report of this process, and what it knows of other processes that are cut off.

    ``elsewhere``: another process is cut off. ``company``: there are other processes. ``apart``:
    this process must read from MongoDB for another reason (``stand_apart``).
    """

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
        """Call ``fn(must_ask)`` when events of other processes stop or begin to arrive."""
        if fn not in self._listeners:
            self._listeners.append(fn)

    def before_trust(self, fn: Callable[[], bool]) -> None:
        """``fn`` must return True before this process trusts the contents of Redis again."""
        if fn not in self._before_trust:
            self._before_trust.append(fn)

    def must_ask(self) -> bool:
        """Whether there are processes whose events do not arrive here."""
        return self.elsewhere if redis.enabled else self.company

    def say(self) -> None:
        """A write could not be announced: let the others know before it is acknowledged."""
        with self._telling:  # of many at once one says it for all
            if time.monotonic() - self._told_at > FORGOTTEN - 2 * EVERY:
                self._told, self._revoked = None, -1  # others may have forgotten, and be back
            if not self._told:
                with suppress(PyMongoError):  # the write is stored; ``look`` tries again
                    self._tell(cut_off=True)
            self._revoke()

    def look(self) -> None:
        """Once a second: renew or withdraw our report, and read the reports of others."""
        with self._telling, pymongo.timeout(QUERY_SECONDS):
            if self.elsewhere or not redis.is_up():
                self._tell(cut_off=not redis.is_up())
                self._see_whether_revoked()
            elif self._told is not None:
                self._take_back()
        words = self._words
        self._hear(*self._others(), words)

    def ask(self) -> bool:
        """Read the reports of others after our mark was written to Redis again. Returns True.

        A process that was cut off before does not delete the mark again, but its report is in
        MongoDB. While MongoDB is down the last known reports are used.
        """
        with suppress(*DATABASE_GONE):
            elsewhere, company = self._others()
            if elsewhere:
                self._hear(elsewhere, company, self._words)
        return True

    def heed(self) -> None:
        """Another process is cut off: handles its message over pub/sub."""
        self._words += 1
        self._hear(True, self.company, self._words)

    def hurry(self) -> None:
        """Make the greenlet look now, so that others learn of a change here early."""
        self._wake.set()

    def run(self, app: Flask) -> None:
        """Look once a second, for ever."""
        while True:
            self._wake.wait(EVERY)
            self._wake.clear()
            self.look_safely(app)

    def look_safely(self, app: Flask) -> None:
        """``look``, but log errors instead of raising them."""
        with go_on(log, "cut-off processes could not be looked for"), app.app_context():
            self.look()

    def start(self, app: Flask) -> None:
        """Begin to look, the first time before the first request of this process."""
        if not self._greenlet:
            self.look_safely(app)
            self._greenlet = gevent.spawn(self.run, app)

    def stop(self) -> None:
        """Stop, and withdraw our report: a stopped process makes no more writes."""
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
        """Delete our mark, once an outage, before the first unannounced write is acknowledged."""
        outage = redis.breaker.generation
        if redis.is_up() or not redis.reached or self._revoked == outage:
            return
        if self._told:  # else the others, who ask in MongoDB, may be back before the next write
            self._revoked = outage
        if not revocation.revoke(redis, *updates.packed("channels", {"type": "cut_off"})):
            gevent.sleep(TRUSTED_MS / 1000)  # until the message has arrived

    def _see_whether_revoked(self) -> None:
        """Note if the mark is gone already, so that this process does not delete it again.

        A process that writes the mark again knows of our report, because the report is older.
        Without this, each process would delete the mark that the returning ones have just written.
        """
        outage = redis.breaker.generation
        if redis.is_up() or not redis.reached or self._revoked == outage:
            return
        if revocation.is_revoked(redis):
            self._revoked = outage

    def _hear(self, elsewhere: bool, company: bool, words: int) -> None:
        """Apply the reports of others.

        ``words``: the count of pub/sub messages when the reports were read. Messages that arrived
        since then are newer than the reports.
        """
        asked = self.must_ask()
        if elsewhere or not self.elsewhere or self._may_trust():
            self.elsewhere = elsewhere or words != self._words
        self._log()
        self.company = company
        if self.must_ask() != asked:
            for fn in self._listeners:
                fn(not asked)

    def _log(self) -> None:
        """Log one line when another process is cut off, and one when that ends.

        If Redis is down for all processes, the two lines of the door are enough.
        """
        there_are = self.elsewhere and (self._logged or _is_well_here())
        if there_are != self._logged:
            self._logged = there_are
            log.warning(THERE_ARE if there_are else THERE_ARE_NONE)

    def _may_trust(self) -> bool:
        """Empty the caches when no process is cut off any more. Returns whether to trust Redis.

        False while Redis is down: then this process is cut off itself, and its recovery empties
        the caches.
        """
        if not redis.enabled:
            return True
        flushed = redis.call(recovery.flush, "after an outage elsewhere") is not DOWN
        return flushed and all(fn() for fn in self._before_trust)


def _is_well_here() -> bool:
    """Whether this process reaches Redis, and has for longer than others need to find it again."""
    return redis.is_calm() and redis.call(lambda client: client.ping(), "outages") is not DOWN


_outages = Outages()


def init_app(app: Flask) -> None:
    """Register the callbacks and reset all state."""
    global _outages
    _outages = Outages(company=app.config["WORKERS"] > 1)
    fence_writes.on_unannounced(_outages.say)
    redis.after_mark(_outages.ask)
    redis.on_change(lambda up: _outages.hurry())
    updates.subscribe("channels", _on_update)
    key_repair.init_app()


def _on_update(event: dict[str, Any]) -> None:
    if event.get("type") == "cut_off":
        _outages.heed()


def start(app: Flask) -> None:
    """Begin to poll the reports of other processes."""
    _outages.start(app)


def stop(app: Flask) -> None:
    """Stop polling, and withdraw our report."""
    with app.app_context():
        _outages.stop()


def say() -> None:
    """Report a write that Redis could not be told of. Call it before the write is acknowledged."""
    _outages.say()


def elsewhere() -> bool:
    """Whether another process is cut off, or is about to be: the caches may be stale."""
    return _outages.elsewhere or _outages.apart


def all_heard() -> bool:
    """Whether the events of all other processes arrive here, or there are no other processes."""
    return (redis.is_up() or not redis.enabled) and not _outages.must_ask()


def stand_apart(apart: bool) -> None:
    """Read from MongoDB (or stop that), because a process is about to be cut off by a drill."""
    _outages.apart = apart


def on_change(fn: Callable[[bool], None]) -> None:
    """Call ``fn(must_ask)`` when events of another process stop or begin to arrive here."""
    _outages.on_change(fn)


def before_trust(fn: Callable[[], bool]) -> None:
    """``fn`` must return True before Redis is trusted again after others were cut off."""
    _outages.before_trust(fn)
