"""Following the rollout (R19): a process acts on the percentages that are stored.

Every process reads them at its start, every EVERY seconds, and at once when another process says
that there are new ones. No request waits for that. Whoever comes first ends the step of a change
that is due (``chat.rollout``). A process that is started with another environment than the last
one stores that as a change, too, so that it takes the same steps.
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
    """Keeps this process in step with what is stored."""

    def __init__(self) -> None:
        self.greenlet: gevent.Greenlet | None = None
        self._wake = Event()
        self._declared = False
        self._settling: gevent.Greenlet | None = None

    def start(self, app: Flask) -> None:
        """Hear what is stored, before the first request if MongoDB answers, and go on in the
        background."""
        self._declared = False
        self._try(app)
        self.greenlet = self.greenlet or gevent.spawn(self._run, app)

    def stop(self) -> None:
        for greenlet in (self.greenlet, self._settling):
            if greenlet is not None:
                greenlet.kill(timeout=1)
        self.greenlet = self._settling = None

    def wake(self) -> None:
        """There is something new."""
        self._wake.set()

    def look(self) -> None:
        """Hear what is stored now."""
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
                log.debug("rollout: %s", error)  # what was heard last stays
            except Exception:
                log.exception("following the rollout")

    def _settle(self, app: Flask) -> None:
        """Beside the loop: emptying takes as long as Redis has keys."""
        if all(share.stage == STEADY for share in rollout.known().values()):
            return
        if self._settling is None or self._settling.ready():
            self._settling = gevent.spawn(_settle_in, app)


_follower = RolloutFollower()


def start(app: Flask) -> None:
    """Follow what is stored; ends the wait when another process says that it has changed."""
    updates.subscribe("channels", _on_update)
    percentages.on_change(_follower.wake)
    _follower.start(app)


def stop(app: Flask) -> None:
    """Stop following."""
    _follower.stop()


def look() -> None:
    """Hear what is stored now, in a process that does not follow in the background."""
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
    """This process's environment, if it is not that of the process that started before it."""
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
