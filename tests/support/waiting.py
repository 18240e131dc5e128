"""Waiting for a condition instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# No promise is measured by it: a machine that does ten other things at once gets there, too.
SECONDS = 60


def eventually(ask: Callable[[], T], seconds: float = SECONDS, every: float = 0.02) -> T:
    """What ``ask`` answers once that is truthy; a failure after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {ask}")
        time.sleep(every)
    return answer
