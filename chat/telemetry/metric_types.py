"""Counters, histograms and gauges as plain numbers.

A request counts some dozen things. In its multi-process mode prometheus_client takes 7 µs for a
counter and 19 µs for a histogram under gevent, because each goes through a lock into a mapped file;
these take less than one, and ``chat.monitoring.shared_dir`` brings the processes together once a
second. Greenlets don't switch inside, so no lock is needed.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

Labels = tuple[str, ...]
Row = list[float]  # of a histogram: how many in each bucket, how many beyond the last, their sum


class Switch:
    """Whether anything is counted at all; turned off only to measure what counting costs."""

    on = True


class Figure:
    """What all kinds have in common: a name, a meaning, and labels known beforehand."""

    kind = ""

    def __init__(
        self, name: str, meaning: str, labels: Labels = (), known: Iterable[Labels] = ()
    ) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self.known = tuple(known)
        self.values: dict[Labels, Any] = {}
        self.clear()

    def clear(self) -> None:
        """As at the start of a process: what is known to be possible is there with nothing."""
        self.values.clear()
        for labels in self.known if self.labels else ((),):
            self.values[labels] = self.nothing()

    def nothing(self) -> Any:
        """What a new row of labels begins with."""
        return 0


class Counter(Figure):
    """It only grows."""

    kind = "counter"

    def inc(self, *labels: str, by: float = 1) -> None:
        """So many more."""
        self.values[labels] = self.values.get(labels, 0) + by


class Histogram(Figure):
    """How long something takes, in seconds, counted in buckets."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        meaning: str,
        labels: Labels = (),
        known: Iterable[Labels] = (),
        buckets: tuple[float, ...] = (),
    ) -> None:
        self.buckets = buckets
        super().__init__(name, meaning, labels, known)

    def nothing(self) -> Row:
        return [0] * (len(self.buckets) + 1) + [0.0]

    def observe(self, seconds: float, *labels: str) -> None:
        """It took so long once more."""
        row = self.values.get(labels)
        if row is None:
            row = self.values[labels] = self.nothing()
        row[bisect_left(self.buckets, seconds)] += 1
        row[-1] += seconds


class Gauge(Figure):
    """How something stands. ``merge`` says what several processes make together: the ``sum``, the
    ``min`` or ``max``, or the ``latest`` for what is the same whoever asks."""

    kind = "gauge"

    def __init__(self, name: str, meaning: str, labels: Labels = (), merge: str = "sum") -> None:
        self.merge = merge
        super().__init__(name, meaning, labels)

    def clear(self) -> None:
        """Nothing is known before somebody has looked."""
        self.values.clear()

    def set(self, value: float, *labels: str) -> None:
        """It stands like this now."""
        self.values[labels] = value


def percentile(row: Row, buckets: tuple[float, ...], share: float) -> float | None:
    """The time within which this share of a histogram's row lies, as Prometheus estimates it.

    None where there is nothing; the last bucket's end for what lies beyond it.
    """
    *counts, _sum = row
    total = sum(counts)
    if not total:
        return None
    rank, below, passed = share * total, 0.0, 0.0
    for count, end in zip(counts, buckets, strict=False):
        if count and passed + count >= rank:
            return below + (end - below) * (rank - passed) / count
        passed, below = passed + count, end
    return buckets[-1]
