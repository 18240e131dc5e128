"""What the rest of the code says: this happened. Each is quick and never fails."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

from chat import protocol
from chat.redis_schema.keys import STRUCTURES
from chat.telemetry import registry
from chat.telemetry.metric_types import Labels, Switch

# In the WSGI environment, which is copied on its way in: a dict with what is found out there.
SEEN = "chat.metrics"
ROUTE, ANSWERED = "route", "answered"

_SINGLE = {s.name: s.name for s in STRUCTURES if not s.name.endswith("*")}
_FAMILY = {s.name.removesuffix(":*"): s.name for s in STRUCTURES if s.name.endswith("*")}
# What the caches call it where they ask MongoDB without a key.
_PAST = {"channel": "cache:channels:list", "member": "cache:channel:users:*"}
# Whoever asks has these, and they are asked about.
PROFILE, SESSION = "cache:users:profile:", "session:"
_HITS = {name: (name, "hit") for name in registry.CACHES}

Sampled = Callable[[Iterable[str]], None]
_sampled: list[Sampled] = []


@lru_cache(maxsize=10_000)
def structure_of(key: str) -> str:
    """The structure that a data key belongs to, as ``chat.redis_schema.keys`` calls it."""
    return _SINGLE.get(key) or _FAMILY.get(key[: key.rfind(":")], "other")


def on_hits(fn: Sampled | None) -> None:
    """``fn(keys)`` whenever values of these keys were answered from a cache; must be quick."""
    _sampled[:] = [fn] if fn else []


def tally(keys: Iterable[str]) -> list[tuple[Labels, int]]:
    """How many hits of which structure these keys are."""
    found: dict[Labels, int] = {}
    for key in keys:
        labels = _HITS.get(structure_of(key))
        if labels:
            found[labels] = found.get(labels, 0) + 1
    return list(found.items())


def cache_hits(keys: Sequence[str]) -> None:
    """These were answered by Redis."""
    if Switch.on and keys:
        for labels, by in tally(keys):
            registry.CACHE_READS.inc(*labels, by=by)
        for fn in _sampled:
            fn(keys)


def cache(key: str, outcome: str, by: int = 1) -> None:
    """One was read, and this is how; ``key`` may be a data key or a structure's name."""
    name = key if key in _HITS else structure_of(key)
    if Switch.on and by and name in _HITS:
        registry.CACHE_READS.inc(name, outcome, by=by)


def past_redis(what: str) -> None:
    """MongoDB was asked for something that is not to be looked for in Redis."""
    cache(_PAST.get(what.partition(" ")[0], ""), "bypass")


class Again:
    """How often a kept answer was given again and is not in the figures yet (``settle``)."""

    __slots__ = ("counted", "keys", "route", "times")

    def __init__(self, route: str, keys: Collection[str]) -> None:
        self.route, self.keys, self.times = route.partition(" ")[2], keys, 0
        self.counted = tally([PROFILE, SESSION, *keys])


_unsettled: list[Again] = []


def again(environ: dict[str, Any], answer: Any) -> None:
    """A kept answer was given again: all that it was made from was checked, and is a hit.

    This is the path of most requests, so here only their number is noted.
    """
    if not Switch.on:
        return
    noted: Again | None = answer.counted
    if noted is None:
        noted = answer.counted = Again(answer.route, answer.basis.fenced.keys())
    if not noted.times:
        _unsettled.append(noted)
    noted.times += 1
    if (seen := environ.get(SEEN)) is not None:
        seen[ROUTE], seen[ANSWERED] = noted.route, "hit"
    for fn in _sampled:
        fn(noted.keys)


def settle() -> None:
    """Put what was only noted into the figures; before they are looked at."""
    for noted in _unsettled:
        for labels, by in noted.counted:
            registry.CACHE_READS.inc(*labels, by=by * noted.times)
        registry.SESSIONS.inc("redis", by=noted.times)
        noted.times = 0
    _unsettled.clear()


def session(in_redis: bool, asked: bool = True, door: Any = None) -> None:
    """A session was looked for, in Redis first if that was ``asked``, and found there or not."""
    if in_redis:
        outcome = "hit"
    elif not asked or not door.enabled:
        outcome = "bypass"
    else:
        outcome = "miss" if door.is_up() else "down"
    registry.SESSIONS.inc("redis" if in_redis else "mongodb")
    cache("session:*", outcome)


def session_lost() -> None:
    """A browser named a session that there is not."""
    registry.SESSIONS_LOST.inc()


def fallback(reason: str) -> None:
    """A call to Redis was answered by nobody."""
    if reason == "load":
        registry.POOL_EXHAUSTED.inc()
    registry.FALLBACKS.inc(reason)


def emitted(event: str) -> None:
    """Something was sent to a room."""
    registry.EMITS.inc(event if event in protocol.TO_BROWSERS else "other")


def socket_event(event: str, answer: dict[str, Any]) -> None:
    """An event from a browser got this answer."""
    failed = answer.get("error") in ("server", "unavailable")
    outcome = "ok" if answer.get("ok") else "failed" if failed else "refused"
    registry.SOCKET_EVENTS.inc(event, outcome)


def caught_up(after: int | None, changes: int, more: bool) -> None:
    """A browser asked what changed after something that it knows, and was told.

    Whatever it is told it was not sent, or not in time: it had a gap, closed unless there is more.
    """
    if not after:
        return
    registry.CATCH_UPS.inc("changes" if changes else "nothing")
    registry.CAUGHT_UP.inc(by=changes)
    if changes:
        gap("browser")
        if not more:
            repaired("browser")


def gap(where: str) -> None:
    """Events may have been missed."""
    registry.GAPS_DETECTED.inc(where)


def repaired(where: str) -> None:
    """Whoever may have missed something knows, or has it."""
    registry.GAPS_REPAIRED.inc(where)


def published(outcome: str, waited: float | None = None) -> None:
    """An event for other processes was sent, after so many seconds, or dropped."""
    registry.PUBLISHED.inc(outcome)
    if waited is not None:
        registry.LAG.observe(waited)
