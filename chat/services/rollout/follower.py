"""Follows the rollout (R19): each process acts on the stored percentages.

A process reads them at its start, every EVERY seconds, and when another process announces new
ones. No request waits for that. If a step of a change is due (``chat.rollout``), the first process
that claims it ends it. A process that starts with other percentages in its environment stores them
as a change, so that they take the same steps.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

import gevent
import pymongo
from flask import Flask
from gevent.event import Event
from pymongo.errors import PyMongoError

from chat import rollout
from chat.cache import flush, updates
from chat.models import Rollout
from chat.redis import Down
from chat.rollout import FEATURES, STEADY
from chat.services.rollout import percentages

log = logging.getLogger(__name__)

EVERY = 2.0
QUERY_SECONDS = 2.0  # with EVERY still less than rollout.LEASE
CLAIM_SECONDS = 30.0


class RolloutFollower:
    """Keeps this process up to date with the stored percentages."""

    def __init__(self) -> None:
        self.greenlet: gevent.Greenlet | None = None
        self._wake = Event()
        self._declared = False
        self._settling: gevent.Greenlet | None = None

    def start(self, app: Flask) -> None:
        """Read the percentages before the first request (if MongoDB is up), then in background."""
        self._declared = False
        self._try(app)
        self.greenlet = self.greenlet or gevent.spawn(self._run, app)

    def stop(self) -> None:
        for greenlet in (self.greenlet, self._settling):
            if greenlet is not None:
                greenlet.kill(timeout=1)
        self.greenlet = self._settling = None

    def wake(self) -> None:
        """Make the follower read the percentages now."""
        self._wake.set()

    def look(self) -> None:
        """Read the stored percentages and apply them."""
        began = time.monotonic()
        rollout.trying(began)
        with pymongo.timeout(QUERY_SECONDS):
            stored = percentages.read()
        if rollout.hear(percentages.shares_of(stored), began):
            log.info("rollout: %s", _in_words(stored))
        if not self._declared:
            _declare()
            self._declared = True
            self.look()
        elif stored["log"]:
            percentages.write_down(stored["log"])

    def _run(self, app: Flask) -> None:
        while True:
            self._wake.wait(EVERY)
            self._wake.clear()
            self._try(app)

    def _try(self, app: Flask) -> None:
        with app.app_context():
            try:
                self.look()
                self._settle(app)
            except PyMongoError as error:
                log.debug("rollout: %s", error)  # the last known percentages stay
            except Exception:
                log.exception("following the rollout")

    def _settle(self, app: Flask) -> None:
        """End due steps in another greenlet, because emptying may take long with many keys."""
        if all(share.stage == STEADY for share in rollout.known().values()):
            return
        if self._settling is None or self._settling.ready():
            self._settling = gevent.spawn(_settle_in, app)


_follower = RolloutFollower()


def start(app: Flask) -> None:
    """Start the follower; an update event of another process wakes it."""
    updates.subscribe("channels", _on_update)
    percentages.on_change(_follower.wake)
    _follower.start(app)


def stop(app: Flask) -> None:
    """Stop the follower."""
    _follower.stop()


def look() -> None:
    """Read and apply the percentages once, in a process without a background follower."""
    _follower.look()


def settle() -> None:
    """End the steps that are due: empty the structure, then let readers begin or writers stop."""
    for feature, row in percentages.read()["features"].items():
        if row["stage"] == STEADY or flush.is_impossible():
            continue
        if not Rollout.claim(feature, row["since"], rollout.MARGIN, CLAIM_SECONDS):
            continue
        if not isinstance(flush.empty(feature), Down) and Rollout.settle(feature, row["since"]):
            percentages.tell()


def _declare() -> None:
    """Store the percentages of this process's environment, if they differ from the stored ones."""
    stored = percentages.read()
    own = {name: rollout.environment(name) for name in FEATURES}
    if own == stored["environment"]:
        return
    source = percentages.ENVIRONMENT
    followed = [name for name, row in stored["features"].items() if row["source"] == source]
    percentages.change(None, "rollout.environment", dict.fromkeys(followed), source, own)


def _on_update(event: dict[str, Any]) -> None:
    if event.get("type") == "rollout":
        _follower.wake()


def _settle_in(app: Flask) -> None:
    with app.app_context():
        try:
            settle()
        except PyMongoError as error:
            log.debug("rollout: %s", error)
        except Exception:
            log.exception("ending a step of the rollout")


def _in_words(stored: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {share.percent} %" + ("" if share.stage == STEADY else f" ({share.stage})")
        for name, share in percentages.shares_of(stored).items()
    )
