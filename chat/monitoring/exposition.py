"""Figures as the text that Prometheus reads.

prometheus_client keeps the registry and checks names; its own writer takes 20 µs a line, which
for some thousands of lines is a pause that every socket of the process would feel. This one writes
the same bytes (a test compares them) and remembers how label sets are written.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from chat.monitoring.snapshot import Snapshot
from chat.telemetry import registry as names
from chat.telemetry.metric_types import Figure, Histogram, Labels


class Told:
    """A snapshot as prometheus_client collects it: for its own writer, and whoever embeds it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for figure, pairs in _figures(self._snapshot):
            yield _family(figure, pairs)


def registry(snapshot: Snapshot) -> CollectorRegistry:
    """A registry that holds nothing but this snapshot."""
    made = CollectorRegistry()
    made.register(Told(snapshot))  # type: ignore[arg-type]
    return made


def write(snapshot: Snapshot) -> bytes:
    """The same as ``prometheus_client.generate_latest(registry(snapshot))``, ten times as fast."""
    lines: list[str] = []
    for figure, pairs in _figures(snapshot):
        name = figure.name
        lines.append(f"# HELP {name} {_escaped_help(figure.meaning)}\n# TYPE {name} {figure.kind}")
        for labels, value in pairs:
            if isinstance(figure, Histogram):
                lines.extend(_histogram(figure, labels, value))
            else:
                text = _written(figure.labels, labels)
                lines.append(f"{name}{text} {_number(value)}")
    return ("\n".join(lines) + "\n").encode()


def _histogram(figure: Histogram, labels: Labels, row: list[float]) -> Iterator[str]:
    *counts, total = row
    passed = 0.0
    for text, count in zip(_buckets(figure.name, labels), counts, strict=True):
        passed += count
        yield f"{text} {_number(passed)}"
    text = _written(figure.labels, labels)
    yield f"{figure.name}_count{text} {_number(passed)}"
    yield f"{figure.name}_sum{text} {_number(total)}"


@lru_cache(maxsize=4_000)
def _buckets(name: str, labels: Labels) -> list[str]:
    figure = names.BY_NAME[name]
    assert isinstance(figure, Histogram)
    ends = [floatToGoString(end) for end in (*figure.buckets, float("inf"))]
    return [f"{name}_bucket{_written((*figure.labels, 'le'), (*labels, e))}" for e in ends]


@lru_cache(maxsize=4_000)
def _written(keys: Labels, values: Labels) -> str:
    if not keys:
        return ""
    pairs = ",".join(f'{k}="{_escaped(v)}"' for k, v in sorted(zip(keys, values, strict=True)))
    return f"{{{pairs}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _escaped_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    return floatToGoString(value)


def _figures(snapshot: Snapshot) -> Iterator[tuple[Figure, list[tuple[Labels, Any]]]]:
    told = {**snapshot["counts"], **snapshot["gauges"]}
    for figure in names.FIGURES:
        pairs = [(tuple(labels), value) for labels, value in told.get(figure.name, ())]
        if pairs:
            yield figure, pairs  # type: ignore[misc]


def _family(figure: Figure, pairs: Iterable[tuple[Labels, Any]]) -> Metric:
    kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
    if not isinstance(figure, Histogram):
        family = kinds[figure.kind](figure.name, figure.meaning, labels=figure.labels)
        for labels, value in pairs:
            family.add_metric(labels, value)
        return family  # type: ignore[no-any-return]
    told = HistogramMetricFamily(figure.name, figure.meaning, labels=figure.labels)
    for labels, row in pairs:
        *counts, total = row
        passed, buckets = 0.0, []
        for end, count in zip((*figure.buckets, float("inf")), counts, strict=True):
            passed += count
            buckets.append((floatToGoString(end), passed))
        told.add_metric(labels, buckets, total)
    return told  # type: ignore[no-any-return]
