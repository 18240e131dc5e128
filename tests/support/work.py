"""Measures work in processor time, which does not depend on the load of the machine."""

import time
from collections.abc import Callable

from tests.support.processes import AppProcess

BEST_OF = 3


def seconds(task: Callable[[], object], best_of: int = BEST_OF) -> float:
    """The processor time of a task in this process; the best of several, the first one warms up."""
    return min(_once(task) for _ in range(best_of))


def _once(task: Callable[[], object]) -> float:
    started = time.process_time()
    task()
    return time.process_time() - started


def seconds_of(pid: int) -> float:
    """The processor time that another process has used (clock_getcpuclockid of Linux)."""
    return time.clock_gettime(~pid << 3 | 2)


def seconds_at(server: AppProcess, ask: Callable[[], object]) -> float:
    """What the workers of an app spend while something is asked of them."""
    before = {pid: seconds_of(pid) for pid in server.workers()}
    ask()
    return sum(seconds_of(pid) - spent for pid, spent in before.items())
