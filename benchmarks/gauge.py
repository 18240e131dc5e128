"""CPU time and memory of processes, as the kernel accounts for them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

IDLE_SECONDS, IDLE_PERCENT = 0.5, 10.0


def worker_of(master: int) -> psutil.Process:
    """The one worker of a gunicorn."""
    children = psutil.Process(master).children()
    if len(children) != 1:
        raise RuntimeError(f"one worker was expected, not {len(children)}: unset WEB_CONCURRENCY")
    return children[0]


def until_idle(process: psutil.Process, most: float = 15.0) -> None:
    """Wait until what it does for itself is done: it takes less than a tenth of a core."""
    until = time.monotonic() + most
    while process.cpu_percent(IDLE_SECONDS) > IDLE_PERCENT and time.monotonic() < until:
        pass


def resident_kib(process: psutil.Process) -> float:
    """Its resident memory in KiB."""
    return process.memory_info().rss / 1024


@dataclass(frozen=True)
class Spent:
    """What some processes spent in a stretch of time; CPU in seconds, user and system."""

    seconds: float
    cpu: dict[str, float]

    def ms_per(self, name: str, count: int) -> float | None:
        """CPU milliseconds of one process for each of `count` things."""
        return self.cpu[name] * 1000 / count if name in self.cpu and count else None


class Meter:
    """A stop-watch for the CPU time of processes: from the making to `read`.

    The kernel counts in ticks of 10 ms, so a stretch should be a second or more.
    """

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._processes = dict(processes)
        self._began = time.monotonic()
        self._before = self._now()

    def read(self) -> Spent:
        after = self._now()
        cpu = {name: after[name] - before for name, before in self._before.items()}
        return Spent(time.monotonic() - self._began, cpu)

    def _now(self) -> dict[str, float]:
        times = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: spent.user + spent.system for name, spent in times.items()}


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
