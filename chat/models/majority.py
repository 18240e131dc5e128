"""Whether MongoDB can promise to keep what it is told.

A primary that is parted from its members goes on answering until it gives up, ten seconds later by
default. What it takes in that time may be undone. A write finds out by waiting for the majority;
each of them alone would wait in vain. So one finding counts for all of them: until a write has
reached the majority again, others are refused at once, but for one a second that tries.

Only a write that waits as long as all others finds that out. Under ``pymongo.timeout`` the driver
replaces this wait with what is left of the time-out, which says nothing about the others.
"""

import time
from contextvars import ContextVar

from pymongo import monitoring
from pymongo.errors import ServerSelectionTimeoutError

WAIT = 1.5  # seconds that a write may wait for the majority
TRY_EVERY = 1.0
NOT_REACHED = 64  # MongoDB's code: the wait has ended
NO_MAJORITY = "the primary does not reach the majority of its replica set"


_waits_long: ContextVar[bool] = ContextVar("waits_long", default=False)  # the command under way


class NoMajority(ServerSelectionTimeoutError):
    """Refused before it was sent: nothing was written."""


class Majority(monitoring.CommandListener):
    """Hears how each write ended."""

    def __init__(self) -> None:
        self.is_lost = False
        self._next_try = 0.0
        self._tries: set[int] = set()

    def admit(self) -> None:
        """Raise NoMajority where a write would wait in vain."""
        if not self.is_lost:
            return
        now = time.monotonic()
        if now < self._next_try:
            raise NoMajority(NO_MAJORITY)
        self._next_try = now + TRY_EVERY

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Note how long it waits. While the majority is lost, note also which writes wait for it:
        others prove nothing."""
        concern = event.command.get("writeConcern", {})
        _waits_long.set(concern.get("wtimeout", 0) >= int(WAIT * 1000))
        if self.is_lost and concern.get("w") == "majority":
            self._tries.add(event.request_id)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """It has an answer, which may be that it is not on the majority."""
        concern = event.reply.get("writeConcernError")
        if concern is None:
            if event.request_id in self._tries:
                self.is_lost = False
                self._tries.clear()
        elif concern.get("code") == NOT_REACHED and _waits_long.get() and not self.is_lost:
            self.is_lost, self._next_try = True, time.monotonic() + TRY_EVERY

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """This says nothing of the majority."""
        self._tries.discard(event.request_id)
