"""Refuses writes while the primary of MongoDB does not reach the majority.

A primary that has lost its replica set still answers until it steps down, ten seconds later by
default. Writes in that time may be undone. A write detects that when its wait for the majority
ends. If each write waited by itself, all would wait in vain. So after one such write, the others
are refused at once, except one attempt a second, until a write reaches the majority again.

Only a write with the usual wait (WAIT) proves that. Under ``pymongo.timeout`` the driver uses the
rest of that timeout instead, which proves nothing for other writes.
"""

import time
from contextvars import ContextVar

from pymongo import monitoring
from pymongo.errors import ServerSelectionTimeoutError

WAIT = 1.5  # seconds that a write may wait for the majority
TRY_EVERY = 1.0
NOT_REACHED = 64  # MongoDB's code: the wait has ended
NO_MAJORITY = "the primary does not reach the majority of its replica set"


_waits_long: ContextVar[bool] = ContextVar("waits_long", default=False)  # the current command


class NoMajority(ServerSelectionTimeoutError):
    """A write was refused before it was sent: nothing was written."""


class Majority(monitoring.CommandListener):
    """Follows the result of each write, and admits or refuses the next ones."""

    def __init__(self) -> None:
        self.is_lost = False
        self._next_try = 0.0
        self._tries: set[int] = set()

    def admit(self) -> None:
        """Raise NoMajority if a write would wait in vain."""
        if not self.is_lost:
            return
        now = time.monotonic()
        if now < self._next_try:
            raise NoMajority(NO_MAJORITY)
        self._next_try = now + TRY_EVERY

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Note how long a command waits for the majority.

        While the majority is lost, also note the writes that wait for it: only they can prove that
        it is back.
        """
        concern = event.command.get("writeConcern", {})
        _waits_long.set(concern.get("wtimeout", 0) >= int(WAIT * 1000))
        if self.is_lost and concern.get("w") == "majority":
            self._tries.add(event.request_id)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Note from the answer whether the write reached the majority."""
        concern = event.reply.get("writeConcernError")
        if concern is None:
            if event.request_id in self._tries:
                self.is_lost = False
                self._tries.clear()
        elif concern.get("code") == NOT_REACHED and _waits_long.get() and not self.is_lost:
            self.is_lost, self._next_try = True, time.monotonic() + TRY_EVERY

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Forget a failed write: it proves nothing about the majority."""
        self._tries.discard(event.request_id)
