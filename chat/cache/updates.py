"""`updates:*` (R8): small events that tell other processes to refresh what they hold in memory.

Events are delivered at most once: an event is a hint, never a guarantee. State that must be right
is checked again after a gap (`on_gap`), and caches are checked by their tokens.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec
from flask import Flask

from chat.cache.shapes import UNREADABLE, Id, Number
from chat.models.background import go_on
from chat.redis.pubsub import NotOurs, bus

log = logging.getLogger(__name__)

TOPICS = ("channels", "messages", "users")
Handler = Callable[[dict[str, Any]], None]

# The fields of each event besides ``origin`` (docs/updates.md). Other events are refused.
FIELDS: dict[tuple[str, str], dict[str, Any]] = {
    ("channels", "type: changed"): {"id": Id},
    ("channels", "type: site"): {},
    ("channels", "type: rollout"): {},
    ("channels", "type: drill"): {},
    ("channels", "type: cut_off"): {},
    ("channels", "kind: joined"): {"channel": Id, "user": Id},
    ("channels", "kind: left"): {"channel": Id, "user": Id, "may_watch": bool},
    ("channels", "kind: archived"): {"channel": Id},
    ("channels", "kind: closed"): {"channel": Id},
    ("messages", "type: changed"): {"id": Id, "channel": Id, "seq": Number, "rev": Number},
    ("users", "type: changed"): {"id": Id},
    ("users", "kind: changed"): {"user": Id},
    ("users", "kind: sessions_ended"): {"user": Id, "except": str | None, "only": str | None},
}
_subscribers: dict[str, list[Handler]] = defaultdict(list)


def init_app(app: Flask) -> None:
    """Bind the bus to this app's Redis. May be called more than once for one app."""
    from chat.redis.client import redis

    if app.extensions.get("chat.updates"):
        return
    app.extensions["chat.updates"] = True
    bus.init_app(redis, app.config["SECRET_KEY"])
    for topic in TOPICS:
        bus.listen(f"updates:{topic}", _receiver(app, topic))


def start(app: Flask) -> None:
    """Listen to the other processes."""
    init_app(app)
    bus.start()


def stop(app: Flask) -> None:
    """Send the waiting events (for at most a second) and stop listening."""
    bus.stop()


def origin() -> str:
    """This process's name on the bus."""
    return bus.name


def subscribe(topic: str, fn: Handler) -> None:
    """Call `fn(event)` for each event of *other* processes, in an app context. Must be fast."""
    if topic not in TOPICS:
        raise ValueError(f"no such topic: {topic}")
    if fn not in _subscribers[topic]:
        _subscribers[topic].append(fn)


def publish(topic: str, event: dict[str, Any]) -> None:
    """Send an event to the other processes. Does not wait; events are lost while Redis is down.

    Raises ValueError for an event that is not declared in FIELDS.
    """
    bus.publish(*packed(topic, event))


def packed(topic: str, event: dict[str, Any]) -> tuple[str, str]:
    """The pub/sub channel of an event, and its text with our ``origin``."""
    if (topic, name_of(event)) not in FIELDS:
        raise ValueError(f"no such event on {topic}: {name_of(event)}")
    return f"updates:{topic}", json.dumps({**event, "origin": origin()})


def on_gap(fn: Callable[[], None]) -> None:
    """Call `fn()` when events may have been missed. It drops what they would have refreshed."""
    bus.on_gap(fn)


def name_of(event: dict[str, Any]) -> str:
    """The name of an event in FIELDS."""
    return f"type: {event['type']}" if "type" in event else f"kind: {event.get('kind')}"


def heard(topic: str, data: bytes) -> dict[str, Any] | None:
    """The event of another process; None for an event of this process.

    Raises NotOurs for anything else.
    """
    try:
        event: dict[str, Any] = _event(data)
        if not bus.is_elsewhere(event.pop("origin", None)):
            return None
        fields = FIELDS[topic, name_of(event)]
        if len(event) != len(fields) + 1:
            raise NotOurs
        for name, kind in fields.items():
            msgspec.convert(event[name], kind)
    except (*UNREADABLE, KeyError) as error:
        raise NotOurs from error
    return event


_event = msgspec.json.Decoder(dict[str, Any]).decode


def _receiver(app: Flask, topic: str) -> Callable[[bytes], None]:
    def receive(data: bytes) -> None:
        event = heard(topic, data)
        if event is None:
            return
        with app.app_context():
            for fn in _subscribers[topic]:
                with go_on(log, f"an update of {topic} could not be applied"):
                    fn(event)

    return receive
