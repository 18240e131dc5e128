"""The circuit breaker: while it is open, no caller waits for Redis.

It opens at the first failure that looks like an outage. That failure may have lost an
invalidation, so the contents of Redis are suspect until a recovery has emptied the caches. A
second or third try would not change that. The breaker holds no connection and does no I/O.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

FIRST_RETRY = 0.25
LONGEST_RETRY = 10.0
# For outages in which Redis answers and only its contents are wrong: the recovery deletes those.
LONGEST_WHERE_IT_ANSWERS = 1.0
# Seconds. If the next outage begins sooner than this after the last one, the pauses stay long.
# After this time all other processes that lost Redis at the same moment have tried again, too.
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
        """Stop trusting Redis. Returns True if this call made the change.

        ``answers``: Redis is reachable, only its contents are wrong.
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
        """Record that a recovery failed; the next pause is longer."""
        self.cause, self.reason = cause, reason
        if self._longest != LONGEST_RETRY:  # Redis may have stopped answering
            self._longest, self._failures = LONGEST_RETRY, 1
        self._plan()

    def hurry(self) -> None:
        """Make the next try due now, because the reason to keep Redis out is gone."""
        self._failures, self._retry_at = 0, self._clock()

    def close(self) -> float:
        """Trust Redis again. Returns the length of the outage in seconds."""
        lasted = self._clock() - self._changed
        self.is_open, self.cause, self.reason = False, "", ""
        self._change()
        return lasted

    def report(self) -> dict[str, Any]:
        """The state as a dict for the status page and /health/redis."""
        return {
            "status": "down" if self.is_open else "up",
            "since": datetime.fromtimestamp(self.since, UTC).isoformat(timespec="milliseconds"),
            "next_retry_s": round(self.next_retry_s(), 2) if self.is_open else None,
            "error": self.cause or None,
            "reason": self.reason or None,
            "latency_ms": None,
        }

    def is_calm(self) -> bool:
        """Whether Redis has been trusted for at least CALM seconds."""
        return not self.is_open and self._clock() - self._changed >= CALM

    def due(self) -> bool:
        return self.is_open and self._clock() >= self._retry_at

    def next_retry_s(self) -> float:
        return max(0.0, self._retry_at - self._clock()) if self.is_open else 0.0

    def _change(self) -> None:
        self.generation += 1
        self.since, self._changed = time.time(), self._clock()

    def _plan(self) -> None:
        """Plan the next try: exponential pauses with jitter, so that processes spread out."""
        # The exponent is bounded: an outage may last for weeks.
        pause = min(self._longest, FIRST_RETRY * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._retry_at = self._clock() + self._jitter(pause / 2, pause)
