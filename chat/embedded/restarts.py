"""Starts a server that ended by itself again, with growing pauses, unless it ends too often."""

import time
from collections import deque

from chat.embedded import EmbeddedError
from chat.embedded.mongo import Mongo
from chat.embedded.valkey import Valkey

MOST, WINDOW = 5, 120.0  # so many ends within so many seconds are no accident


class Restarts:
    """The restarts of one server. It comes back on its port and with its data, because the app
    knows it under that address."""

    def __init__(self, server: Mongo | Valkey) -> None:
        self.server = server
        self._ends: deque[float] = deque()
        self._due: float | None = None  # when it is started again
        self._away = False

    def look(self) -> None:
        """What is to be done now; never waits. Raises when the server ended too often."""
        now = time.monotonic()
        if self._due is not None:
            if now >= self._due:
                self._due = None
                self.server.launch_again()
        elif not self.server.running:
            self._ended(now)
        elif self._away and self.server.answers():
            self._away = False
            _say(f"{self.server.title} is back after {now - self._ends[-1]:.1f} s.")

    def _ended(self, now: float) -> None:
        self._ends.append(now)
        while self._ends[0] < now - WINDOW:
            self._ends.popleft()
        how = _how_it_ended(self.server)
        if len(self._ends) >= MOST:
            raise EmbeddedError(
                f"{self.server.title} ended by itself {MOST} times within {WINDOW:.0f} s "
                f"(last: {how}), so everything is stopped: see {self.server.log}."
            )
        pause = self.server.pauses[len(self._ends) - 1]
        self._away, self._due = True, now + pause
        when = f"in {pause:.0f} s" if pause else "at once"
        _say(f"{self.server.title} ended by itself ({how}): it is started again {when}.")


def _how_it_ended(server: Mongo | Valkey) -> str:
    return server.process.how_it_ended if server.process else f"port {server.port} is taken"


def _say(text: str) -> None:
    print(text, flush=True)
