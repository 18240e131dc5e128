"""`updates:*` (R8): small events by which processes refresh what they hold in memory.

At most once: an event is a hint, never a guarantee. What must not be missed is checked again
after a gap (`on_gap`) and by the caches' tokens.
"""

import json
import logging
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from flask import Flask

from chat.redis.pubsub import bus

log = logging.getLogger(__name__)

TOPICS = ("channels", "messages", "users")
Handler = Callable[[dict[str, Any]], None]

_BOOT = uuid4().hex
_subscribers: dict[str, list[Handler]] = defaultdict(list)


def init_app(app: Flask) -> None:
    """Bind the bus to this app's Redis (safe to call more than once for one app)."""
    from chat.extensions import redis

    if app.extensions.get("chat.updates"):
        return
    app.extensions["chat.updates"] = True
    bus.init_app(redis)
    for topic in TOPICS:
        bus.listen(f"updates:{topic}", _receiver(app, topic))


def start(app: Flask) -> None:
    """Listen to the other processes."""
    init_app(app)
    bus.start()


def stop(app: Flask) -> None:
    """Send what is waiting (at most a second) and stop listening."""
    bus.stop()


def origin() -> str:
    """This process's name on the bus: forked workers share everything but their number."""
    return f"{_BOOT}-{os.getpid()}"


def subscribe(topic: str, fn: Handler) -> None:
    """`fn(event)` for each event of *other* processes, inside an app context; must be quick."""
    if topic not in TOPICS:
        raise ValueError(f"no such topic: {topic}")
    if fn not in _subscribers[topic]:
        _subscribers[topic].append(fn)


def publish(topic: str, event: dict[str, Any]) -> None:
    """Tell the other processes. Never waits and never raises; lost while Redis is away."""
    if topic not in TOPICS:
        raise ValueError(f"no such topic: {topic}")
    bus.publish(f"updates:{topic}", json.dumps({**event, "origin": origin()}))


def on_gap(fn: Callable[[], None]) -> None:
    """`fn()` when events may have been missed: drop what they would have refreshed."""
    bus.on_gap(fn)


def _receiver(app: Flask, topic: str) -> Callable[[bytes], None]:
    def receive(data: bytes) -> None:
        event = json.loads(data)
        if not isinstance(event, dict) or event.get("origin") == origin():
            return
        with app.app_context():
            for fn in _subscribers[topic]:
                try:
                    fn(event)
                except Exception:
                    log.exception("an update of %s could not be applied", topic)

    return receive
