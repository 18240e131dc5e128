"""Read-through (R9, R18): reads from Redis, or from MongoDB with one fill of a key at a time."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import uniform
from typing import Any, NamedTuple

import gevent
from flask import current_app, g, has_request_context
from gevent.event import Event

from chat import rollout
from chat.cache import isolation, response_dependencies
from chat.cache.fence import reads as fence_reads
from chat.cache.process_copies import Copy, copies, size_of
from chat.cache.shapes import UNREADABLE
from chat.models.base import DATABASE_GONE
from chat.redis import deadline
from chat.redis.client import redis
from chat.request.concurrency import PATIENCE, REFRESHING, Busy, turns
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)

_filling: dict[str, Event] = {}  # keys that a greenlet loads now
_refreshing: set[str] = set()  # keys whose refresh is in progress or waits for its turn
_ORDER = ("hit", "miss", "bypass", "down")
WAIT_SECONDS = 0.05
EARLY = 0.1  # a value read in this last part of its lifetime is refreshed in the background
MOST_REFRESHING = 100  # refreshes that wait; beyond that values expire and the next reader loads
JITTER = 0.1  # lifetimes are up to this much shorter, so that values do not expire together


@dataclass(frozen=True)
class Shape:
    """How a value is stored in Redis: the reading command, and how it is filled and decoded.

    ``items`` turns a loaded value into the arguments of the command ``fill``. They are never empty:
    Redis does not store empty collections, so there is a marker (``shapes.nothing``). ``decode``
    is the decoder of the structure. Both also get the key. A structure with ``refill`` fills
    itself: ``refill`` is called with the token instead.
    """

    feature: str
    ttl: str
    read: tuple[Any, ...]
    fill: str
    items: Callable[[Any, str], Sequence[Any]]
    decode: Callable[[Any, str], Any]
    refill: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Part:
    """A yes/no question about a value.

    ``command`` asks Redis; ``pick`` answers it from the whole value.
    """

    command: tuple[Any, ...]
    pick: Callable[[Any], bool]


class Source(NamedTuple):
    """A cached value: its key, its shape, and the function that loads it from MongoDB."""

    key: str
    shape: Shape
    load: Callable[[], Any]


def get(source: Source) -> Any:
    """The whole value from Redis; on a miss from MongoDB, and then Redis is filled. Read-only."""
    return look(source).value


def ask(source: Source, part: Part) -> bool:
    """Answer a question about the value. Only for very big values does Redis compute the answer."""
    if not copies.is_too_big(source.key) or not is_cached(source.shape.feature):
        return part.pick(get(source))
    found = fence_reads.read(source.key, *part.command)
    if found.hit:
        note("hit")
        telemetry.cache_hits([source.key])
        response_dependencies.read(source.key, found.version)
        return bool(found.value)
    return part.pick(get(source))


def look(source: Source) -> Copy:
    """The value with its version; the version is None if the value is not (now) in Redis."""
    if has_request_context():
        # A fast path: one page asks for its prefetched values about fifteen times.
        this = g._get_current_object()  # type: ignore[attr-defined]
        copy = this.get("seen", {}).get(source.key)
        if (
            copy
            and copy.version
            and source.key not in this.cold
            and is_cached(source.shape.feature)
        ):
            this.setdefault("x_cache", "hit")
            return copy  # type: ignore[no-any-return]
    return look_all([source])[0]


def look_all(sources: Sequence[Source], riders: Sequence[fence_reads.Rider] = ()) -> list[Copy]:
    """Many values in order, in one round trip when warm.

    ``riders`` are calls that go in the same round trip, if there is one.
    """
    seen: dict[str, Copy] | None = g.get("seen") if has_request_context() else None
    found: dict[str, Copy] = {}
    if seen is not None:
        found = {source.key: seen[source.key] for source in sources if source.key in seen}
    features = {source.shape.feature for source in sources}
    cached = {feature for feature in features if is_cached(feature)}
    if found:
        note(_outcome_of(found, cached == features))
    new = {source.key: source for source in sources if source.key not in found}
    asked = [source for source in new.values() if source.shape.feature in cached]
    found.update(zip((source.key for source in asked), _look(asked, riders), strict=True))
    for key in new.keys() - found.keys():
        note("bypass")
        telemetry.cache(key, "bypass")
        found[key] = Copy(new[key].load())
    if seen is not None:
        seen.update(found)
    return [found[source.key] for source in sources]


def _outcome_of(seen: dict[str, Copy], cached: bool) -> str:
    """The outcome (hit, miss, bypass or down) of values that this request has read before."""
    if not cached:
        return "bypass"
    cold = g.get("cold", ())
    if all(copy.version and key not in cold for key, copy in seen.items()):
        return "hit"
    return "miss" if redis.is_up() else "down"


def past_redis(name: str, load: Callable[[], Any]) -> Any:
    """Load a value from MongoDB without Redis; only once in a request that called ``look_once``."""
    note("bypass")
    telemetry.past_redis(name)
    seen = g.get("seen") if has_request_context() else None
    if seen is None:
        return load()
    if name not in seen:
        seen[name] = Copy(load())
    return seen[name].value


def look_once() -> None:
    """From now on each value is read once in this request; later reads get the same value.

    Only for requests that write nothing. ``look_all`` may then prefetch values that are read one
    by one later.
    """
    g.seen, g.cold = {}, set()


def look_at(confirmed: dict[str, str]) -> None:
    """Use our copies of these keys in this request.

    Redis has confirmed in this request that the versions in ``confirmed`` are current.
    """
    found = {key: copies.get(key) for key in confirmed}
    same = {key: copy for key, copy in found.items() if copy and copy.version == confirmed[key]}
    g.seen.update(same)
    if (made_from := response_dependencies.current()) is not None:
        for key in same:
            made_from.add(made_from.fenced, key, confirmed[key])
    telemetry.cache_hits(list(same))


def look_again() -> None:
    """End ``look_once``: from now on this request reads values again, because they may change."""
    if has_request_context():
        g.pop("seen", None)


def is_cached(feature: str) -> bool:
    """Whether the current caller's reads use this feature's structures in Redis."""
    return redis.enabled and not isolation.elsewhere() and rollout.for_reader(feature)


def _look(sources: Sequence[Source], riders: Sequence[fence_reads.Rider]) -> list[Copy]:
    if not sources:
        return []
    kept = [copies.get(source.key) for source in sources]
    readings = _ask(sources, kept, riders)
    note("hit")  # misses are noted by ``_copy``
    late = [i for i, reading in enumerate(readings) if reading.token and sources[i].key in _filling]
    _wait([sources[i].key for i in late])
    again = _ask([sources[i] for i in late], [None] * len(late))
    for i, reading in zip(late, again, strict=True):
        readings[i] = reading
    made_from = response_dependencies.current()
    lives = {name: ttl(name) for name in {source.shape.ttl for source in sources}}
    cold = g.get("cold")
    found = []
    for source, reading, copy in zip(sources, readings, kept, strict=True):
        if reading.hit and made_from is not None:
            made_from.add(made_from.fenced, source.key, reading.version)
        if not reading.hit and cold is not None:
            cold.add(source.key)
        found.append(_copy(source, reading, copy))
        if 0 <= reading.left_ms < EARLY * 1000 * lives[source.shape.ttl]:
            _refresh(source, reading.version)
    answered = zip(sources, readings, found, strict=True)
    telemetry.cache_hits([s.key for s, reading, copy in answered if reading.hit and copy.version])
    return found


def _wait(keys: Sequence[str]) -> None:
    """Wait up to WAIT_SECONDS, for all keys together, until other greenlets have filled them."""
    if keys:
        gevent.wait([_filling[key] for key in keys], timeout=WAIT_SECONDS)


def _ask(
    sources: Sequence[Source], kept: Sequence[Copy | None], riders: Sequence[fence_reads.Rider] = ()
) -> list[fence_reads.Reading]:
    questions = [
        fence_reads.VersionedRead(source.key, source.shape.read, (copy and copy.version) or "")
        for source, copy in zip(sources, kept, strict=True)
    ]
    return fence_reads.ask(questions, riders)


def _copy(source: Source, found: fence_reads.Reading, kept: Copy | None) -> Copy:
    if not found.hit:
        note("down" if found.down else "miss")
        telemetry.cache(source.key, "down" if found.down else "miss")
        return _load(source, found.token)
    if found.same and kept is not None:
        return kept
    try:
        copy = Copy(source.shape.decode(found.value, source.key), found.version)
    except UNREADABLE:
        return _replace(source)
    copies.keep(source.key, copy, size_of(found.value))
    return copy


def _replace(source: Source) -> Copy:
    """Handle an unreadable value as a miss; the next reader fills."""
    unreadable(source.key)
    return _load(source, None)


def unreadable(key: str) -> None:
    """Delete a value that we did not write, and count this read as a miss."""
    log.error("unreadable in Redis, deleted: %s", key)
    fence_reads.forget(key)
    note("miss")
    telemetry.cache(key, "error")


def _load(source: Source, token: str | None) -> Copy:
    if token and source.shape.refill:
        source.shape.refill(token)
    if token is None or source.shape.refill:
        return Copy(source.load())
    done = _filling.setdefault(source.key, Event())
    try:
        value = source.load()
        items, life = source.shape.items(value, source.key), ttl(source.shape.ttl)
        version = fence_reads.fill(source.key, token, jittered(life), source.shape.fill, items)
        copy = Copy(value, version)
        if version:
            copies.keep(source.key, copy, size_of(items))
        return copy
    finally:
        _filled(source.key, done)


def _refresh(source: Source, version: str | None) -> None:
    """Load a value again in the background before it expires, so that readers do not miss it.

    A refresh that waits for its turn does not count as a fill: nobody waits for it.
    """
    if source.key in _filling or source.key in _refreshing or version is None:
        return
    _refreshing.add(source.key)
    gevent.spawn(_refreshed, current_app._get_current_object(), source, version)  # type: ignore[attr-defined]


def _refreshed(app: Any, source: Source, version: str) -> None:
    try:
        with app.app_context(), turns.taken(PATIENCE, REFRESHING, MOST_REFRESHING):
            if source.key not in _filling:  # else a reader has missed it meanwhile
                _load(source, version)
    except (Busy, *DATABASE_GONE):
        pass  # the next reader who misses it loads it
    finally:
        deadline.renew()
        _refreshing.discard(source.key)


def _filled(key: str, done: Event) -> None:
    done.set()
    if _filling.get(key) is done:
        del _filling[key]


def note(outcome: str) -> None:
    """Record the outcome of a read for the X-Cache header; the worst one of a request counts."""
    if outcome != "hit":
        response_dependencies.spoil()
    if has_request_context():
        this = g._get_current_object()  # type: ignore[attr-defined]
        seen = this.get("x_cache", "hit")
        this.x_cache = outcome if _ORDER.index(outcome) > _ORDER.index(seen) else seen


def ttl(name: str) -> int:
    """The lifetime in seconds from the setting ``name`` (R12)."""
    return int(current_app.config[name])


def jittered(seconds: int) -> int:
    """A lifetime up to JITTER shorter than ``seconds``, at least one second."""
    return max(1, round(seconds * uniform(1 - JITTER, 1)))
