"""Read-through (R9, R18): from Redis, or from MongoDB with one fill a key at a time."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import uniform
from typing import Any, NamedTuple

import gevent
from flask import current_app, g, has_request_context
from gevent.event import Event

from chat import rollout
from chat.cache import dependencies, isolation
from chat.cache.fence import reads as fence_reads
from chat.cache.process_copies import Copy, copies, size_of
from chat.cache.shapes import UNREADABLE
from chat.models.base import DATABASE_GONE
from chat.redis import deadline
from chat.redis.client import redis
from chat.request.concurrency import PATIENCE, REFRESHING, Busy, turns
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)

_filling: dict[str, Event] = {}
_ORDER = ("hit", "miss", "bypass", "down")
WAIT_SECONDS = 0.05
EARLY = 0.1  # the last part of its life in which a value that is in use is fetched anew
MOST_REFRESHING = 100  # that wait; more are fetched when somebody finds them missing
JITTER = 0.1  # how much shorter a life may be, so that values filled together do not end together


@dataclass(frozen=True)
class Shape:
    """How a value is kept in Redis: the reading command, and how it is filled and decoded.

    ``items`` turns a loaded value into the arguments of ``fill`` (never empty: an empty
    collection does not exist in Redis, so there is a marker for "known empty", ``shapes.nothing``).
    ``decode`` is what the key was declared with. Both are told the key. ``refill`` is for a
    structure that fills itself, when it is given a token.
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
    """A question of yes or no about a value: asked of Redis, or answered from the whole value."""

    command: tuple[Any, ...]
    pick: Callable[[Any], bool]


class Source(NamedTuple):
    """A cached value: its key, its shape, and how MongoDB is asked for it."""

    key: str
    shape: Shape
    load: Callable[[], Any]


def get(source: Source) -> Any:
    """The whole value from Redis, or from MongoDB, which then fills Redis. Don't change it."""
    return look(source).value


def ask(source: Source, part: Part) -> bool:
    """A part of the value: the same answer whether it came from Redis or from MongoDB."""
    if not copies.is_too_big(source.key) or not is_cached(source.shape.feature):
        return part.pick(get(source))
    found = fence_reads.read(source.key, *part.command)
    if found.hit:
        note("hit")
        telemetry.cache_hits([source.key])
        dependencies.read(source.key, found.version)
        return bool(found.value)
    return part.pick(get(source))


def look(source: Source) -> Copy:
    """The value together with its version; the version is None if it did not come from Redis."""
    if has_request_context():
        # What was looked at ahead is asked for some fifteen times in a page.
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
    """Many values, warm in one round trip; ``riders`` go with it if Redis is asked at all."""
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
    """How what this request has seen before was found."""
    if not cached:
        return "bypass"
    cold = g.get("cold", ())
    if all(copy.version and key not in cold for key, copy in seen.items()):
        return "hit"
    return "miss" if redis.is_up() else "down"


def past_redis(name: str, load: Callable[[], Any]) -> Any:
    """What MongoDB says, where Redis is not asked; once a request that changes nothing."""
    note("bypass")
    telemetry.past_redis(name)
    seen = g.get("seen") if has_request_context() else None
    if seen is None:
        return load()
    if name not in seen:
        seen[name] = Copy(load())
    return seen[name].value


def look_once() -> None:
    """From now on this request sees everything as it was when it looked first.

    Only for a request that changes nothing. ``look_all`` may then be called ahead, for what is
    going to be asked for one by one.
    """
    g.seen, g.cold = {}, set()


def look_at(confirmed: dict[str, str]) -> None:
    """These keys had these versions a moment ago in this request: copies of them are seen."""
    found = {key: copies.get(key) for key in confirmed}
    same = {key: copy for key, copy in found.items() if copy and copy.version == confirmed[key]}
    g.seen.update(same)
    if (made_from := dependencies.current()) is not None:
        for key in same:
            made_from.add(made_from.fenced, key, confirmed[key])
    telemetry.cache_hits(list(same))


def look_again() -> None:
    """From now on everything is looked at when it is due: something changes, or time has passed."""
    if has_request_context():
        g.pop("seen", None)


def is_cached(feature: str) -> bool:
    """Whether whoever is asking now is answered from this structure."""
    return redis.enabled and not isolation.elsewhere() and rollout.for_reader(feature)


def _look(sources: Sequence[Source], riders: Sequence[fence_reads.Rider]) -> list[Copy]:
    if not sources:
        return []
    kept = [copies.get(source.key) for source in sources]
    readings = _ask(sources, kept, riders)
    note("hit")  # what is missing says so itself
    late = [i for i, reading in enumerate(readings) if reading.token and _wait(sources[i].key)]
    again = _ask([sources[i] for i in late], [None] * len(late))
    for i, reading in zip(late, again, strict=True):
        readings[i] = reading
    made_from = dependencies.current()
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


def _wait(key: str) -> bool:
    """Somebody in this process is already asking MongoDB for it; their answer is ours."""
    filling = _filling.get(key)
    return filling is not None and (filling.wait(WAIT_SECONDS) or True)


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
    """What is there cannot be read: as if it were not; the next reader fills."""
    unreadable(source.key)
    return _load(source, None)


def unreadable(key: str) -> None:
    """What is there is not what any of us wrote: it is deleted, and this read is a miss."""
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
    """Fetch what is about to expire anew, in the background: nobody finds it missing."""
    if source.key in _filling or version is None:
        return
    done = _filling[source.key] = Event()
    gevent.spawn(_refreshed, current_app._get_current_object(), source, version, done)  # type: ignore[attr-defined]


def _refreshed(app: Any, source: Source, version: str, done: Event) -> None:
    try:
        with app.app_context(), turns.taken(PATIENCE, REFRESHING, MOST_REFRESHING):
            _load(source, version)
    except (Busy, *DATABASE_GONE):
        pass  # whoever finds it missing will fetch it
    finally:
        deadline.renew()
        _filled(source.key, done)


def _filled(key: str, done: Event) -> None:
    done.set()
    if _filling.get(key) is done:
        del _filling[key]


def note(outcome: str) -> None:
    """Remember how this request was answered; the worst of several reads counts (X-Cache)."""
    if outcome != "hit":
        dependencies.spoil()
    if has_request_context():
        this = g._get_current_object()  # type: ignore[attr-defined]
        seen = this.get("x_cache", "hit")
        this.x_cache = outcome if _ORDER.index(outcome) > _ORDER.index(seen) else seen


def ttl(name: str) -> int:
    """A structure's lifetime in seconds, from its setting (R12)."""
    return int(current_app.config[name])


def jittered(seconds: int) -> int:
    """A little less than so many seconds, at least one."""
    return max(1, round(seconds * uniform(1 - JITTER, 1)))
