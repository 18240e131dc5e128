"""The fire drill: all processes work without Redis for a while, then trust it again.

The drill is stored in MongoDB, which all processes poll once a second. So it ends on time even if
any process dies. It has three phases:

    near    For NOTICE seconds no process reads from caches, but all still announce their writes.
            So when the first process leaves Redis, no other process answers from a stale cache.
    away    The door is closed as in an outage. Breaker, outages and recovery work as usual.
    back    The door may open again. As after any outage the caches are emptied before they are
            trusted. For SETTLE more seconds this process reads from MongoDB; by then it knows of
            all processes that are still cut off.
"""

import logging
import time
from math import inf
from typing import Any

import gevent
from bson import ObjectId
from flask import Flask
from gevent.event import Event
from pymongo.errors import PyMongoError

from chat.cache import isolation, updates
from chat.models import Drill
from chat.models.background import go_on
from chat.redis.client import redis

log = logging.getLogger(__name__)

EVERY = 1.0
NOTICE, SETTLE = 3.0, 3.0
LEAST, MOST, USUAL = 5, 300, 60
CAUSE = "fire drill"
NONE, NEAR, AWAY, BACK = "", "near", "away", "back"


class DrillFollower:
    """The drill as this process knows it. Times are of this process's monotonic clock."""

    def __init__(self) -> None:
        self.run: ObjectId | None = None
        self.cut_at = self.ends_at = -inf
        self.wake = Event()
        self.shut = False
        self.greenlet: gevent.Greenlet | None = None

    def phase(self) -> str:
        """The current phase: NEAR, AWAY, BACK or NONE."""
        now = time.monotonic()
        if now < self.ends_at:
            return NEAR if now < self.cut_at else AWAY
        return BACK if now < self.ends_at + SETTLE and self.ends_at > self.cut_at else NONE

    def look(self) -> None:
        """Read the stored drill from MongoDB and apply the current phase."""
        began = time.monotonic()
        try:
            stored = Drill.read()
        except PyMongoError as error:
            log.debug("drill: %s", error)  # the last known drill continues and ends on time
        else:
            if stored is not None:
                self.run = stored["run"]
                self.cut_at = began + stored["to_cut_ms"] / 1000
                self.ends_at = began + stored["left_ms"] / 1000
        self.apply()

    def apply(self) -> None:
        """Close or open the door to Redis as the phase demands."""
        phase = self.phase()
        isolation.stand_apart(phase != NONE)
        if (phase == AWAY) == self.shut:
            return
        self.shut = phase == AWAY
        if self.shut:
            log.warning("Fire drill: working without Redis for %.0f s", self.left())
            redis.keep_out(CAUSE)
        else:
            redis.let_in()

    def left(self) -> float:
        """Seconds until Redis is used again."""
        return max(0.0, self.ends_at - time.monotonic())

    def follow(self, app: Flask) -> None:
        """Poll and apply the drill for ever."""
        while True:
            with go_on(log, "the fire drill could not be followed"), app.app_context():
                self.look()
            self.wake.wait(self._pause())
            self.wake.clear()

    def stop(self) -> None:
        if self.greenlet is not None:
            self.greenlet.kill(timeout=1)
        self.greenlet = None

    def _pause(self) -> float:
        now = time.monotonic()
        due = [at - now for at in (self.cut_at, self.ends_at, self.ends_at + SETTLE) if at > now]
        return max(0.01, min([EVERY, *due]))


_follower = DrillFollower()


def start(app: Flask) -> None:
    """Begin to follow drills in this process, with a first look before the first request."""
    if not redis.enabled or _follower.greenlet:
        return
    updates.subscribe("channels", _on_update)
    with app.app_context():
        _follower.look()
    _follower.greenlet = gevent.spawn(_follower.follow, app)


def stop(app: Flask) -> None:
    """Stop following drills in this process."""
    _follower.stop()


def phase() -> str:
    """The phase of the drill in this process; "" if there is none."""
    return _follower.phase()


def left() -> float:
    """Seconds until Redis is used again."""
    return _follower.left()


def run() -> ObjectId | None:
    """The id of the last drill that this process has read."""
    return _follower.run


def tell() -> None:
    """Make all processes, including this one, look at the stored drill now."""
    updates.publish("channels", {"type": "drill"})
    _follower.wake.set()


def _on_update(event: dict[str, Any]) -> None:
    if event.get("type") == "drill":
        _follower.wake.set()
