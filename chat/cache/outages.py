"""While any process is cut off from Redis, no process trusts what the caches hold (R13).

A process that Redis does not answer cannot announce its writes, so what others find in the caches
may be old. It says so in MongoDB, before it acknowledges the first such write and every second
after that. The others look once a second; while somebody says so they read from MongoDB, and their
browsers ask for changes instead of waiting to be told. What remains: for about a second after that
first write (EVERY and a query's time) another process may still answer from a cache.

A process that was killed is forgotten after FORGOTTEN seconds. When nobody is cut off any more,
each process empties the caches before it trusts them: who was killed could not do it.
"""

import logging
from collections.abc import Callable
from contextlib import suppress

import gevent
from flask import Flask
from gevent.lock import BoundedSemaphore
from pymongo.errors import PyMongoError

from chat.cache import fence_writes, poison, updates
from chat.extensions import redis
from chat.models.outage import Outage
from chat.redis import DOWN, recovery

log = logging.getLogger(__name__)

EVERY = 1.0
FORGOTTEN = 5.0


class Outages:
    """What this process says and knows of processes that are cut off."""

    def __init__(self) -> None:
        self.elsewhere = False
        self.apart = False
        self._said = False
        self._telling = BoundedSemaphore()
        self._greenlet: gevent.Greenlet | None = None
        self._listeners: list[Callable[[bool], None]] = []

    def on_change(self, fn: Callable[[bool], None]) -> None:
        """``fn(cut_off)`` when a first other process is cut off, and when the last is back."""
        if fn not in self._listeners:
            self._listeners.append(fn)

    def say(self) -> None:
        """A write could not be announced: let the others know before it is acknowledged."""
        if not redis.enabled:
            return
        with self._telling:  # of many at once one says it for all
            if not self._said:
                with suppress(PyMongoError):  # the write is stored; the next second tries again
                    self._tell()

    def look(self) -> None:
        """Once a second: repeat what is still so, and hear what others say."""
        if not redis.is_up():
            self._tell()
        elif self._said:
            Outage.over(updates.origin())
            self._said = False
        self._hear(Outage.is_any_other(updates.origin(), FORGOTTEN))

    def run(self, app: Flask) -> None:
        """For ever."""
        while True:
            try:
                with app.app_context():
                    self.look()
            except PyMongoError as error:
                log.debug("outages: %s", error)
            except Exception:
                log.exception("looking for processes that are cut off")
            gevent.sleep(EVERY)

    def start(self, app: Flask) -> None:
        """Begin, in this process."""
        if redis.enabled and not self._greenlet:
            self._greenlet = gevent.spawn(self.run, app)

    def stop(self) -> None:
        """End: a process that is gone writes nothing that others would have to know of."""
        if self._greenlet:
            self._greenlet.kill(timeout=1)
        self._greenlet = None
        if self._said:
            with suppress(PyMongoError):
                Outage.over(updates.origin())

    def _tell(self) -> None:
        Outage.say(updates.origin())
        self._said = True

    def _hear(self, elsewhere: bool) -> None:
        if elsewhere == self.elsewhere:
            return
        if not elsewhere and redis.call(recovery.flush, "after an outage elsewhere") is DOWN:
            return  # then this process is cut off itself, and its recovery empties them
        self.elsewhere = elsewhere
        log.warning(
            "Another process is cut off from Redis: reading from MongoDB until it is back"
            if elsewhere
            else "Every process can reach Redis again"
        )
        for fn in self._listeners:
            fn(elsewhere)


_outages = Outages()


def init_app(app: Flask) -> None:
    """A second app starts with a clean slate."""
    global _outages
    _outages = Outages()
    fence_writes.on_unannounced(_outages.say)
    poison.init_app()


def start(app: Flask) -> None:
    """Begin to look at what other processes say."""
    _outages.start(app)


def stop(app: Flask) -> None:
    """Stop looking."""
    with app.app_context():
        _outages.stop()


def elsewhere() -> bool:
    """Whether some other process is, or is about to be, cut off: the caches may be old."""
    return _outages.elsewhere or _outages.apart


def stand_apart(apart: bool) -> None:
    """Read from MongoDB although nobody is cut off yet, or not again: somebody is about to be."""
    _outages.apart = apart


def on_change(fn: Callable[[bool], None]) -> None:
    """``fn(cut_off)`` at each change of ``elsewhere``."""
    _outages.on_change(fn)
