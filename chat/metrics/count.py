"""What the rest of the code says: this happened. Each is quick and never fails."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from chat.cache.keys import STRUCTURES
from chat.metrics import names
from chat.metrics.numbers import Labels, Switch

# In the WSGI environment, which is copied on its way in: a dict with what is found out there.
SEEN = "chat.metrics"
ROUTE, ANSWERED = "route", "answered"
EVENTS = (
    "message:new", "message:changed", "message:deleted", "channel:changed", "channel:removed",
    "unread", "typing", "presence", "system",
)  # fmt: skip

_SINGLE = {s.name: s.name for s in STRUCTURES if not s.name.endswith("*")}
_FAMILY = {s.name.removesuffix(":*"): s.name for s in STRUCTURES if s.name.endswith("*")}
# What the caches call it where they ask MongoDB without a key.
_PAST = {"channel": "cache:channels:list", "member": "cache:channel:users:*"}
PROFILE = "cache:users:profile:"  # whoever asks has one, and it is asked about
_HITS = {name: (name, "hit") for name in names.CACHES}

Sampled = Callable[[Iterable[str]], None]
_sampled: list[Sampled] = []


def structure_of(key: str) -> str:
    """The structure that a data key belongs to, as ``chat.cache.keys`` calls it."""
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
        _add(tally(keys), keys)


def cache(key: str, outcome: str, by: int = 1) -> None:
    """One was read, and this is how; ``key`` may be a data key or a structure's name."""
    name = key if key in _HITS else structure_of(key)
    if Switch.on and by and name in _HITS:
        names.CACHE_READS.inc(name, outcome, by=by)


def past_redis(what: str) -> None:
    """MongoDB was asked for something that is not to be looked for in Redis."""
    cache(_PAST.get(what.partition(" ")[0], ""), "bypass")


def again(environ: dict[str, Any], answer: Any) -> None:
    """A kept answer was given again: all that it was made from was checked, and is a hit."""
    if not Switch.on:
        return
    if (seen := environ.get(SEEN)) is not None:
        seen[ROUTE] = answer.route.partition(" ")[2]
    counted = answer.counted
    if counted is None:
        counted = answer.counted = tally([PROFILE, *answer.basis.fenced])
    _add(counted, answer.basis.fenced)
    session(True)


def session(in_redis: bool, asked: bool = True, door: Any = None) -> None:
    """A session was looked for, in Redis first if that was ``asked``, and found there or not."""
    if in_redis:
        outcome = "hit"
    elif not asked or not door.enabled:
        outcome = "bypass"
    else:
        outcome = "miss" if door.is_up() else "down"
    names.SESSIONS.inc("redis" if in_redis else "mongodb")
    cache("session:*", outcome)


def fallback(reason: str) -> None:
    """A call to Redis was answered by nobody."""
    if reason == "load":
        names.POOL_EXHAUSTED.inc()
    names.FALLBACKS.inc(reason)


def emitted(event: str) -> None:
    """Something was sent to a room."""
    names.EMITS.inc(event if event in EVENTS else "other")


def delivered(sockets: int) -> None:
    """An event was handed to so many sockets."""
    names.DELIVERIES.inc(by=sockets)


def caught_up(was_listening: bool, after: int | None, messages: int) -> None:
    """A socket opened a channel and asked for what changed after something that it knows."""
    if not after:
        return
    reason = "gap" if was_listening else "open"
    names.CATCH_UPS.inc(reason)
    names.CAUGHT_UP.inc(reason, by=messages)
    if was_listening:
        gap("browser")
        repaired("browser")


def gap(where: str) -> None:
    """Events may have been missed."""
    names.GAPS_DETECTED.inc(where)


def repaired(where: str) -> None:
    """Whoever may have missed something knows, or has it."""
    names.GAPS_REPAIRED.inc(where)


def published(outcome: str, waited: float | None = None) -> None:
    """An event for other processes was sent, after so many seconds, or dropped."""
    names.PUBLISHED.inc(outcome)
    if waited is not None:
        names.LAG.observe(waited)


def _add(counted: Iterable[tuple[Labels, int]], keys: Iterable[str]) -> None:
    values = names.CACHE_READS.values
    for labels, by in counted:
        values[labels] += by
    for fn in _sampled:
        fn(keys)
