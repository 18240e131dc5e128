"""The circuit breaker: while it is open nobody waits for Redis.

It opens at the first failure that looks like an outage, because that failure may have been the
loss of an invalidation: what Redis holds is suspect until a recovery has emptied it, so there is
nothing to gain from a second and third try. It holds no connection and does no I/O.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

FIRST_RETRY = 0.25
LONGEST_RETRY = 10.0
# Where Redis answers and only what it holds is wrong: the recovery takes that out.
LONGEST_WHERE_IT_ANSWERS = 1.0
# An outage sooner than this after the last one goes on with the longer pauses. By then every other
# process that lost Redis together with this one has tried again, too.
CALM = 15.0


class Breaker:
    """Open or closed, since when, why, and when to try next."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._clock, self._jitter = clock, jitter
        self.is_open = False
        self.cause = self.reason = ""
        self.generation = 0  # changes at every transition; tells late failures from new ones
        self.since = time.time()
        self._changed = clock() - CALM
        self._retry_at = 0.0
        self._failures = 0
        self._longest = LONGEST_RETRY

    def open(self, cause: str, reason: str = "", answers: bool = False) -> bool:
        """Stop trusting Redis. True when this call made the change.

        ``answers``: it is there, only what it holds is wrong.
        """
        if self.is_open:
            return False
        if self.is_calm():
            self._failures = 0
        self._longest = LONGEST_WHERE_IT_ANSWERS if answers else LONGEST_RETRY
        self.is_open, self.cause, self.reason = True, cause, reason
        self._change()
        self._plan()
        return True

    def failed(self, cause: str, reason: str = "") -> None:
        """A try to recover failed: the next pause is longer."""
        self.cause, self.reason = cause, reason
        if self._longest != LONGEST_RETRY:  # whether it still answers is unknown from now on
            self._longest, self._failures = LONGEST_RETRY, 1
        self._plan()

    def hurry(self) -> None:
        """Try at once: what kept Redis out is over."""
        self._failures, self._retry_at = 0, self._clock()

    def close(self) -> float:
        """Trust Redis again; the length of the outage in seconds."""
        lasted = self._clock() - self._changed
        self.is_open, self.cause, self.reason = False, "", ""
        self._change()
        return lasted

    def report(self) -> dict[str, Any]:
        """For those who look from outside."""
        return {
            "status": "down" if self.is_open else "up",
            "since": datetime.fromtimestamp(self.since, UTC).isoformat(timespec="milliseconds"),
            "next_retry_s": round(self.next_retry_s(), 2) if self.is_open else None,
            "error": self.cause or None,
            "reason": self.reason or None,
            "latency_ms": None,
        }

    def is_calm(self) -> bool:
        """Whether Redis has been trusted for a while."""
        return not self.is_open and self._clock() - self._changed >= CALM

    def due(self) -> bool:
        return self.is_open and self._clock() >= self._retry_at

    def next_retry_s(self) -> float:
        return max(0.0, self._retry_at - self._clock()) if self.is_open else 0.0

    def _change(self) -> None:
        self.generation += 1
        self.since, self._changed = time.time(), self._clock()

    def _plan(self) -> None:
        """Exponential pauses with jitter, so that many processes do not return in step."""
        # The exponent is bounded: an outage may last for weeks.
        pause = min(self._longest, FIRST_RETRY * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._retry_at = self._clock() + self._jitter(pause / 2, pause)
