"""Read-through (R9, R18): from Redis, or from MongoDB with one fill a key at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, g, has_request_context
from gevent.event import Event

from chat import rollout
from chat.cache import fence
from chat.extensions import redis

_filling: dict[str, Event] = {}
_ORDER = ("hit", "miss", "bypass", "down")
WAIT_SECONDS = 0.05


@dataclass(frozen=True)
class Shape:
    """How a value is kept in Redis: the reading command, and how it is filled and decoded.

    ``items`` turns a loaded value into the arguments of ``fill`` (never empty: an empty
    collection does not exist in Redis, so each shape has a marker for "known empty").
    """

    feature: str
    ttl: str
    read: tuple[Any, ...]
    fill: str
    items: Callable[[Any], Sequence[Any]]
    decode: Callable[[Any], Any]


@dataclass(frozen=True)
class Part:
    """A question about a part of a value: asked of Redis, or answered from the whole value."""

    command: tuple[Any, ...]
    decode: Callable[[Any], Any]
    pick: Callable[[Any], Any]


def get(key: str, shape: Shape, load: Callable[[], Any]) -> Any:
    """The whole value from Redis, or from ``load()`` (MongoDB), which then fills Redis."""
    return ask(key, shape, load, Part(shape.read, shape.decode, lambda value: value))


def ask(key: str, shape: Shape, load: Callable[[], Any], part: Part) -> Any:
    """A part of the value: the same answer whether it came from Redis or from ``load()``."""
    if not redis.enabled or not rollout.for_reader(shape.feature):
        note("bypass")
        return part.pick(load())
    found = fence.read(key, *part.command)
    if found.token and key in _filling:
        # Somebody in this process is already asking MongoDB for it; their answer is ours.
        _filling[key].wait(WAIT_SECONDS)
        found = fence.read(key, *part.command)
    if found.hit:
        note("hit")
        return part.decode(found.value)
    note("down" if found.down else "miss")
    return part.pick(_load(key, shape, load, found.token))


def _load(key: str, shape: Shape, load: Callable[[], Any], token: str | None) -> Any:
    if token is None:
        return load()
    done = _filling.setdefault(key, Event())
    try:
        value = load()
        fence.fill(key, token, ttl(shape.ttl), shape.fill, shape.items(value))
        return value
    finally:
        done.set()
        if _filling.get(key) is done:
            del _filling[key]


def note(outcome: str) -> None:
    """Remember how this request was answered; the worst of several reads counts (X-Cache)."""
    if has_request_context():
        seen = g.get("x_cache", "hit")
        g.x_cache = max(seen, outcome, key=_ORDER.index)


def ttl(name: str) -> int:
    """A structure's lifetime in seconds, from its setting (R12)."""
    return int(current_app.config[name])
