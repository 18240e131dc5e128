"""A pytest plugin: with several workers the longest test files begin first.

So the run does not end with one worker busy and the others idle. How long each test took is kept
in pytest's cache; the fixtures of a test that has never run here say roughly how long it takes.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

CACHE_KEY = "chat/seconds"
WORKER_INPUT = "seconds_of_tests"
# Seconds of a test that starts one of these for itself, on a machine of moderate speed.
COSTS = {
    "launch_app": 4.0, "run": 10.0, "served": 5.0, "own_mongod": 10.0, "mongods": 6.0, "chat": 8.0,
    "meet": 2.0, "bob": 1.0, "own_redis": 0.5, "app": 0.3,
}  # fmt: skip
SECONDS_OF_OTHERS = 0.2


def workers() -> int:
    """How many tests to run side by side: most of the time a test waits for something."""
    ours = getattr(os, "sched_getaffinity", None)  # not on a Mac
    return 2 * (len(ours(0)) if ours else os.cpu_count() or 1)


def longest_files_first(items: list[pytest.Item], known: Mapping[str, float]) -> list[pytest.Item]:
    """The same tests, those of one file together and in their order."""
    files: dict[Any, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    totals = {path: sum(_seconds(item, known) for item in files[path]) for path in files}
    return [item for path in sorted(files, key=lambda path: -totals[path]) for item in files[path]]


def _seconds(item: pytest.Item, known: Mapping[str, float]) -> float:
    fixtures: Iterable[str] = getattr(item, "fixturenames", ())
    guess = sum(COSTS.get(name, 0.0) for name in fixtures) or SECONDS_OF_OTHERS
    return known.get(item.nodeid, guess)


class Order:
    """The plugin of one pytest process: the one that starts the workers, or a worker."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.took: dict[str, float] = defaultdict(float)
        self.worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """All workers must have the same order, so all get the same durations."""
        node.workerinput[WORKER_INPUT] = self._known()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.worker_input is not None:
            items[:] = longest_files_first(items, self.worker_input[WORKER_INPUT])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.took[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        if self.worker_input is None and self._cache is not None:
            self._cache.set(CACHE_KEY, self._known() | self.took)

    def _known(self) -> dict[str, float]:
        return dict(self._cache.get(CACHE_KEY, {})) if self._cache is not None else {}

    @property
    def _cache(self) -> Any:
        return getattr(self.config, "cache", None)
