"""The last 24 hours by the minute: one process of each group writes them, the charts read them.

While MongoDB is down, the rows of up to an hour wait in memory. They are stored with their own
times when it is back.
"""

import logging
import time
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from chat import presence
from chat.models import Minute
from chat.monitoring.status import samples
from chat.monitoring.status.samples import Sample

log = logging.getLogger(__name__)

MOST_WAITING = 60
QUERY_SECONDS = 2.0
STEP = 600  # seconds per point of a chart
POINTS = 24 * 3600 // STEP
FRESH = 30.0  # seconds for which a process keeps the points that it has read


class Writer:
    """Writes a row for each minute that is over; in the process that runs the loop."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.begun: Sample | None = None
        self.waiting: dict[datetime, dict[str, Any]] = {}

    def look(self, sample: Sample, sockets: float) -> None:
        """If a minute is over, make its row, and store all waiting rows."""
        this = int(sample["at"] // 60)
        if self.begun is None:
            self.begun = sample
        last = int(self.begun["at"] // 60)
        if this == last:
            return
        self.waiting[datetime.fromtimestamp(last * 60, UTC)] = row_of(
            samples.since(self.begun, sample), sockets
        )
        self.begun = sample
        for minute in sorted(self.waiting)[:-MOST_WAITING]:
            del self.waiting[minute]
        self._store()

    def _store(self) -> None:
        try:
            with pymongo.timeout(QUERY_SECONDS):
                Minute.put(self.group, self.waiting)
            self.waiting = {}
        except PyMongoError as error:
            log.debug("history: %s", error)


def row_of(minute: Sample, sockets: float) -> dict[str, Any]:
    """The stored row of a minute."""
    hits, misses = samples.hits_and_misses(minute["cache"])
    return {
        "hits": hits, "misses": misses, "with": minute["answers"].get(samples.WITH, []),
        "without": minute["answers"].get(samples.WITHOUT, []), "seconds": round(minute["at"], 1),
        "deliveries": minute["deliveries"], "sockets": sockets, "online": len(presence.online()),
    }  # fmt: skip


_kept: tuple[float, list[dict[str, Any]]] | None = None


def points() -> list[dict[str, Any]]:
    """The points of the charts, oldest first. Raises PyMongoError while MongoDB is down."""
    global _kept
    if _kept is None or time.monotonic() - _kept[0] > FRESH:
        _kept = time.monotonic(), to_points(Minute.last_day(), time.time())
    return _kept[1]


def to_points(minutes: list[dict[str, Any]], now: float) -> list[dict[str, Any]]:
    """One point for each STEP seconds, from the minutes of all groups; a point may be empty."""
    first = int(now // STEP) - POINTS + 1
    bins: list[list[dict[str, Any]]] = [[] for _ in range(POINTS)]
    for minute in minutes:
        place = int(minute["at"].timestamp() // STEP) - first
        if 0 <= place < POINTS:
            bins[place].append(minute["by"])
    return [_point((first + place) * STEP, rows) for place, rows in enumerate(bins)]


def _point(at: int, minutes: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [row for by in minutes for row in by.values()]
    asked = sum(row["hits"] + row["misses"] for row in rows)
    seconds = 60 * len(minutes)
    return {
        "at": datetime.fromtimestamp(at, UTC).isoformat(),
        "hit_rate": 100 * sum(row["hits"] for row in rows) / asked if asked else None,
        "with": _p95(row["with"] for row in rows),
        "without": _p95(row["without"] for row in rows),
        # All groups of processes see the same people; each counts its own deliveries.
        "online": max((row["online"] for row in rows), default=None),
        "deliveries": sum(row["deliveries"] for row in rows) / seconds if rows else None,
    }


def _p95(rows: Any) -> float | None:
    whole = samples.added([row for row in rows if row])
    return samples.time_of(whole, 0.95) if whole else None  # type: ignore[arg-type]
