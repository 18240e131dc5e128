"""Tells the open status pages in this process's browsers that the status has changed.

Each process compares facts that it already has, so this works without Redis and without messages
between processes. The event has no content: the page then asks for the new state.
"""

import logging
import time
from math import inf
from typing import Any

import gevent
from flask import Flask

from chat import rollout
from chat.cache import fire_drill
from chat.models.background import go_on
from chat.monitoring.status import alert_rules
from chat.monitoring.status.leader import group
from chat.realtime.outgoing import broadcasts
from chat.redis.client import redis

log = logging.getLogger(__name__)

EVERY, LEAST = 1.0, 3.0  # seconds between two comparisons, and at least between two pushes


def state(app: Flask) -> Any:
    """The facts whose change admins should see at once; no figures, which always change."""
    seen = group.seen()
    alerts = alert_rules.from_plain(seen.get("alerts", {}))
    on = [rule.name for rule, _state in alert_rules.active(alerts)]
    shares = {name: (share.percent, share.stage) for name, share in rollout.known().items()}
    mongo = app.extensions["chat_status"].mongo.status
    return redis.state()["status"], mongo, fire_drill.phase(), on, seen.get("channel"), shares


def _run(app: Flask) -> None:
    before, due, pushed_at = None, False, -inf
    while True:
        with go_on(log, "a change of the status could not be looked for"), app.app_context():
            now = state(app)
            due = due or before not in (None, now)
            before = now
            if due and time.monotonic() - pushed_at >= LEAST:
                due, pushed_at = False, time.monotonic()
                broadcasts.status_changed()
        gevent.sleep(EVERY)


_greenlets: list[gevent.Greenlet] = []


def start(app: Flask) -> None:
    """Start in this process."""
    if not _greenlets:
        _greenlets.append(gevent.spawn(_run, app))


def stop() -> None:
    """Stop in this process."""
    while _greenlets:
        _greenlets.pop().kill(block=False)
