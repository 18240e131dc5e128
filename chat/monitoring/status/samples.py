"""Samples of all counters. The difference of two samples is what happened between them.

A sample consists of numbers, lists (rows of histograms) and dicts of these. So it can be stored as
JSON, and two samples can be subtracted without knowledge of their content.
"""

from typing import Any

from chat import protocol
from chat.monitoring import snapshot
from chat.telemetry import registry
from chat.telemetry.metric_types import percentile

Sample = dict[str, Any]
WITH, WITHOUT = "with", "without"
_HOW = {"hit": WITH, "miss": WITHOUT, "bypass": WITHOUT, "down": WITHOUT}
# Routes that read mainly one structure: their times are shown as those of the structure.
ROUTES = {
    "GET /api/users": "users",
    "GET /api/users/online": "online",
    "GET /api/channels": "channels",
    "GET /api/channels/<channel_id>/users": "channel_users",
    "GET /api/channels/<channel_id>/messages": "messages",
    "GET /api/emoji": "emoji",
}
_POSTING = ("/messages",)


def take(snap: snapshot.Snapshot) -> Sample:
    """A sample of a snapshot of all processes."""
    told = snapshot.totals(snap)
    posted = _posted(snap)
    return {
        "at": snap["at"],
        "cache": told["cache"],
        "answers": _by_how(told["answers"]),
        "routes": {
            feature: _by_how(told["routes"].get(route, {})) for route, feature in ROUTES.items()
        },
        "redis": {family: told["redis"][family]["row"] for family in ("get", "set")},
        "stale": sum(verdicts.get("stale", 0) for verdicts in told["shadow"].values()),
        "checked": sum(verdicts.get("agreed", 0) for verdicts in told["shadow"].values()),
        "pool_exhausted": told["pool_exhausted"],
        "deliveries": told["deliveries"],
        "reads": told["mongodb"]["reads"],
        "sessions": told["sessions"],
        **posted,
    }


def since(old: Any, new: Any) -> Any:
    """What happened between two samples; a counter missing in the old one counts from 0."""
    if isinstance(new, dict):
        return {name: since((old or {}).get(name), value) for name, value in new.items()}
    if isinstance(new, list):
        if not old or len(old) != len(new):  # missing, or with other buckets
            return list(new)
        return [a - b for a, b in zip(new, old, strict=True)]
    return new - (old or 0)


def added(samples: list[Sample]) -> Sample:
    """The sum of the differences of several groups of processes."""
    if not samples:
        return {}
    total = samples[0]
    for more in samples[1:]:
        total = _plus(total, more)
    return total


def _plus(one: Any, two: Any) -> Any:
    if isinstance(one, dict) or isinstance(two, dict):
        keys = dict.fromkeys((*(one or {}), *(two or {})))
        return {key: _plus((one or {}).get(key), (two or {}).get(key)) for key in keys}
    if one is None or two is None:
        return two if one is None else one
    if isinstance(one, list):
        if len(one) != len(two):  # another version has other buckets: the finer ones are kept
            return max(one, two, key=len)
        return [a + b for a, b in zip(one, two, strict=True)]
    return one + two


def time_of(row: list[float] | None, share: float, buckets: Any = registry.REQUEST_BUCKETS) -> Any:
    """A percentile in milliseconds; None if nothing was measured with these buckets."""
    fits = row is not None and len(row) == len(buckets) + 2  # one beyond the last, and the sum
    seconds = percentile(row, buckets, share) if row and fits else None
    return None if seconds is None else round(seconds * 1000, 2)


def count_of(row: list[float] | None) -> int:
    """The number of measurements in a row."""
    return int(sum(row[:-1])) if row else 0


def hits_and_misses(cache: dict[str, dict[str, float]]) -> tuple[int, int]:
    """The numbers of hits and of misses (errors included) in Redis."""
    hits = sum(outcomes.get("hit", 0) for outcomes in cache.values())
    misses = sum(o.get("miss", 0) + o.get("error", 0) for o in cache.values())
    return int(hits), int(misses)


def _by_how(times: dict[str, Any]) -> dict[str, list[float]]:
    """The rows of answers with and without a cache."""
    found: dict[str, list[float]] = {}
    for answered, time in times.items():
        if (how := _HOW.get(answered)) is not None:
            found[how] = _plus(found.get(how), list(time["row"]))
    return found


def _posted(snap: snapshot.Snapshot) -> dict[str, Any]:
    """Sent messages, those of them that failed on the server, and lost sessions."""
    posts = failed = 0
    everything: list[float] | None = None
    for (method, route, status, _answered), row in _pairs(snap, registry.REQUESTS.name):
        everything = _plus(everything, list(row))
        if method == "POST" and route.endswith(_POSTING):
            posts += count_of(row)
            failed += count_of(row) if status == "5xx" else 0
    for (event, outcome), number in _pairs(snap, registry.SOCKET_EVENTS.name):
        if event == protocol.MESSAGE_POST:
            posts += number
            failed += number if outcome == "failed" else 0
    lost = sum(number for _labels, number in _pairs(snap, registry.SESSIONS_LOST.name))
    return {"requests": everything or [], "posts": posts, "failed": failed, "lost": lost}


def _pairs(snap: snapshot.Snapshot, name: str) -> list[tuple[tuple[str, ...], Any]]:
    return [(tuple(labels), value) for labels, value in snap["counts"].get(name, ())]
