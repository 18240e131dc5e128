"""The fire drill: every process works without Redis for a while, and then trusts it again.

It goes through MongoDB, where all processes look once a second, so it ends by itself whoever dies.
Three things follow each other:

    near    for NOTICE seconds nobody reads from caches any more, while everybody still announces
            writes: when the first process leaves Redis, no other answers with what it keeps
    away    the door is shut as in an outage; the breaker, the outages and the recovery do the rest
    back    the door may open again: as after any outage the caches are emptied before they are
            trusted. For SETTLE seconds more this process reads from MongoDB, until it has surely
            heard of those that are still away.
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
from chat.redis.client import redis

log = logging.getLogger(__name__)

EVERY = 1.0
NOTICE, SETTLE = 3.0, 3.0
LEAST, MOST, USUAL = 5, 300, 60
CAUSE = "fire drill"
NONE, NEAR, AWAY, BACK = "", "near", "away", "back"


class DrillFollower:
    """What this process knows of the drill, by its own clock."""

    def __init__(self) -> None:
        self.run: ObjectId | None = None
        self.cut_at = self.ends_at = -inf
        self.wake = Event()
        self.shut = False
        self.greenlet: gevent.Greenlet | None = None

    def phase(self) -> str:
        """Where in the drill this process is."""
        now = time.monotonic()
        if now < self.ends_at:
            return NEAR if now < self.cut_at else AWAY
        return BACK if now < self.ends_at + SETTLE and self.ends_at > self.cut_at else NONE

    def look(self) -> None:
        """Hear what is stored, and do what is due."""
        began = time.monotonic()
        try:
            stored = Drill.read()
        except PyMongoError as error:
            log.debug("drill: %s", error)  # what was heard last goes on, and ends
        else:
            if stored is not None:
                self.run = stored["run"]
                self.cut_at = began + stored["to_cut_ms"] / 1000
                self.ends_at = began + stored["left_ms"] / 1000
        self.apply()

    def apply(self) -> None:
        """Shut the door, or open it."""
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
        """For ever."""
        while True:
            try:
                with app.app_context():
                    self.look()
            except Exception:
                log.exception("following the fire drill")
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
    """Follow it, in this process: before the first request, if MongoDB answers."""
    if not redis.enabled or _follower.greenlet:
        return
    updates.subscribe("channels", _on_update)
    with app.app_context():
        _follower.look()
    _follower.greenlet = gevent.spawn(_follower.follow, app)


def stop(app: Flask) -> None:
    """Stop following."""
    _follower.stop()


def phase() -> str:
    """Where in a drill this process is; empty without one."""
    return _follower.phase()


def left() -> float:
    """Seconds until Redis is used again."""
    return _follower.left()


def run() -> ObjectId | None:
    """The last drill that this process has heard of."""
    return _follower.run


def tell() -> None:
    """There is something new: the other processes look at once, and this one, too."""
    updates.publish("channels", {"type": "drill"})
    _follower.wake.set()


def _on_update(event: dict[str, Any]) -> None:
    if event.get("type") == "drill":
        _follower.wake.set()
