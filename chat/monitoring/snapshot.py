"""Metrics as plain numbers: of this process, of several processes together, and their totals.

``totals`` of a snapshot are the figures of the status page. The difference of two totals is what
happened between them.

A snapshot is JSON: ``{"at", "pid", "processes", "counts": {name: [[labels, value], …]}, "gauges":
{name: [[labels, value], …]}, "folded": []}``, where the value of a
histogram is its row (``metric_types``).
"""

import os
import time
from collections.abc import Iterable
from typing import Any

from chat.telemetry import registry
from chat.telemetry.events import settle
from chat.telemetry.metric_types import Gauge, Histogram, Labels, percentile

Snapshot = dict[str, Any]
Pairs = Iterable[tuple[Iterable[str], Any]]


def own() -> Snapshot:
    """The current metrics of this process."""
    settle()
    counts: dict[str, list] = {}
    gauges: dict[str, list] = {}
    for figure in registry.FIGURES:
        pairs = [
            (labels, list(value) if isinstance(value, list) else value)
            for labels, value in figure.values.items()
        ]
        (gauges if isinstance(figure, Gauge) else counts)[figure.name] = pairs
    return {"at": time.time(), "pid": os.getpid(), "processes": 1, "counts": counts,
            "gauges": gauges, "folded": []}  # fmt: skip


def add(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The metrics of several processes as one: counters are added, gauges by their ``merge``."""
    told = sorted(snapshots, key=lambda one: float(one["at"]))
    counts: dict[str, dict[Labels, Any]] = {}
    gauges: dict[str, dict[Labels, float]] = {}
    for one in told:
        for name, pairs in one["counts"].items():
            _add_counts(counts.setdefault(name, {}), _in_our_buckets(name, pairs))
        for name, pairs in one["gauges"].items():
            _add_gauges(gauges.setdefault(name, {}), pairs, name)
    return {
        "at": told[-1]["at"] if told else 0.0,
        "pid": 0,
        "processes": sum(one["processes"] for one in told),
        "counts": {name: list(found.items()) for name, found in counts.items()},
        "gauges": {name: list(found.items()) for name, found in gauges.items()},
        "folded": [],
    }


def _in_our_buckets(name: str, pairs: Pairs) -> Pairs:
    """Leave out rows with other buckets: a process still runs the code from before a reload."""
    figure = registry.BY_NAME.get(name)
    if not isinstance(figure, Histogram):
        return pairs
    return [(labels, row) for labels, row in pairs if len(row) == len(figure.nothing())]


def _add_counts(into: dict[Labels, Any], pairs: Pairs) -> None:
    for labels, value in pairs:
        key = tuple(labels)
        before = into.get(key)
        if before is None:
            into[key] = list(value) if isinstance(value, (list, tuple)) else value
        elif isinstance(value, (list, tuple)):
            into[key] = [a + b for a, b in zip(before, value, strict=True)]
        else:
            into[key] = before + value


def _add_gauges(into: dict[Labels, float], pairs: Pairs, name: str) -> None:
    figure = registry.BY_NAME.get(name)
    merge = figure.merge if isinstance(figure, Gauge) else "latest"
    for labels, value in pairs:
        key = tuple(labels)
        if key not in into or merge == "latest":
            into[key] = value
        elif merge == "sum":
            into[key] += value
        else:
            into[key] = min(into[key], value) if merge == "min" else max(into[key], value)


# -- totals --------------------------------------------------------------------------------------


def totals(snapshot: Snapshot) -> dict[str, Any]:
    """The figures of the status page since the start; times in seconds.

    ``cache`` and ``shadow``: structure → outcome → count. ``answers``: outcome of the cache →
    count, sum, p50, p95 and row of the requests; ``routes``: the same for each "GET /route";
    ``redis``: the same for get, set, script and other. ``reads_saved``: reads that were hits.
    """
    reads = _by_two(snapshot, registry.CACHE_READS.name)
    hits = sum(outcomes.get("hit", 0) for outcomes in reads.values())
    calls = _rows(snapshot, registry.MONGO_CALLS.name)
    redis = {labels[0]: _time(registry.REDIS_CALLS, row)
             for labels, row in _rows(snapshot, registry.REDIS_CALLS.name).items()}  # fmt: skip
    return {
        "processes": snapshot["processes"],
        "cache": reads,
        "shadow": _by_two(snapshot, registry.SHADOW.name),
        "answers": _by_answer(snapshot, by_route=False),
        "routes": _by_answer(snapshot, by_route=True),
        "redis": redis,
        "mongodb": {"commands": sum(sum(row[:-1]) for row in calls.values()),
                    "reads": sum(sum(row[:-1]) for (_, verb), row in calls.items()
                                 if verb in READING)},
        "reads_saved": hits,
        "sessions": _by_one(snapshot, registry.SESSIONS.name),
        "fallbacks": _by_one(snapshot, registry.FALLBACKS.name),
        "catch_ups": _by_one(snapshot, registry.CATCH_UPS.name),
        "caught_up": sum(_rows(snapshot, registry.CAUGHT_UP.name).values()),
        "gaps_detected": _by_one(snapshot, registry.GAPS_DETECTED.name),
        "gaps_repaired": _by_one(snapshot, registry.GAPS_REPAIRED.name),
        "published": _by_one(snapshot, registry.PUBLISHED.name),
        "emits": _by_one(snapshot, registry.EMITS.name),
        "deliveries": sum(_rows(snapshot, registry.DELIVERIES.name).values()),
        "pool_exhausted": sum(_rows(snapshot, registry.POOL_EXHAUSTED.name).values()),
        "gauges": {name: {"/".join(labels): value for labels, value in pairs}
                   for name, pairs in snapshot["gauges"].items()},
    }  # fmt: skip


READING = ("find", "aggregate", "count", "distinct", "getMore")


def _rows(snapshot: Snapshot, name: str) -> dict[Labels, Any]:
    return {tuple(labels): value for labels, value in snapshot["counts"].get(name, ())}


def _by_one(snapshot: Snapshot, name: str) -> dict[str, float]:
    return {labels[0]: value for labels, value in _rows(snapshot, name).items()}


def _by_two(snapshot: Snapshot, name: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (one, two), value in _rows(snapshot, name).items():
        found.setdefault(one, {})[two] = value
    return found


def _by_answer(snapshot: Snapshot, by_route: bool) -> dict[str, Any]:
    """Times of requests by the outcome of the cache, with ``by_route`` for each route."""
    sums: dict[Labels, Any] = {}
    for labels, row in _rows(snapshot, registry.REQUESTS.name).items():
        method, route, _status, answered = labels
        key = (f"{method} {route}", answered) if by_route else (answered,)
        _add_counts(sums, [(key, row)])
    if not by_route:
        return {labels[0]: _time(registry.REQUESTS, row) for labels, row in sums.items()}
    found: dict[str, Any] = {}
    for (route, answered), row in sums.items():
        found.setdefault(route, {})[answered] = _time(registry.REQUESTS, row)
    return found


def _time(figure: Histogram, row: list[float]) -> dict[str, Any]:
    return {
        "count": sum(row[:-1]),
        "sum": row[-1],
        "p50": percentile(row, figure.buckets, 0.5),
        "p95": percentile(row, figure.buckets, 0.95),
        "row": list(row),  # the difference of the rows of two moments has percentiles, too
    }
