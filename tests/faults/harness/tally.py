"""Counts what the people noticed: every figure of a row comes from here."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

SHOWN = 5  # the slowest of a phase, to be told with what they were


@dataclass
class Tally:
    """Shared by all authors of one trial. The lists hold complaints, ready to be shown."""

    tried: int = 0
    acknowledged: dict[str, str] = field(default_factory=dict)  # client id → the text it must have
    stale: list[str] = field(default_factory=list)
    server_errors: list[str] = field(default_factory=list)
    logouts: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    unanswered: int = 0  # refused or broken connections: the client tries again
    slowest: dict[str, float] = field(default_factory=dict)  # phase → ms
    slow: dict[str, list[tuple[float, str]]] = field(default_factory=dict)  # and what it was
    away: set[str] = field(default_factory=set)  # processes that were ended, until they answer
    longest_return: float = 0.0  # ms that somebody waited for one of them
    slowest_refusal: float = 0.0  # ms until the slowest 503
    requests: int = 0
    changes: int = 0  # in the quiet corner
    phase: str = "calm"
    since: float = field(default_factory=monotonic)  # the beginning of the phase
    _newest: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def timed(self, what: str, url: str) -> Iterator[None]:
        """One request; the slowest of the phase in which it ended is remembered.

        Who asks a process that is only starting waits for that, not for an answer.
        """
        began, away = monotonic(), url in self.away
        try:
            yield
        finally:
            took = (monotonic() - began) * 1000
            with self._lock:
                self.requests += 1
                if away:
                    self.longest_return = max(took, self.longest_return)
                else:
                    when = f"after {began - self.since:.2f} s"
                    self._remember(took, f"{what} {when}: {took:.0f} ms")

    def _remember(self, took: float, what: str) -> None:
        self.slowest[self.phase] = max(took, self.slowest.get(self.phase, 0))
        slow = self.slow.setdefault(self.phase, [])
        slow.append((took, what))
        slow.sort(reverse=True)
        del slow[SHOWN:]

    def enter(self, phase: str) -> None:
        """What ends from now on belongs to this phase."""
        self.phase, self.since = phase, monotonic()

    def sending(self) -> None:
        with self._lock:
            self.tried += 1

    def stored(self, client_id: str, text: str, seq: int) -> None:
        """It was acknowledged: from now on everybody must see it."""
        with self._lock:
            self.acknowledged[client_id] = text
            self._newest = max(self._newest, seq)

    def newest(self) -> int:
        """The greatest acknowledged number: a read that begins now shows no less."""
        return self._newest

    def status(self, code: int, what: str, redirected: bool = False, took: float = 0.0) -> None:
        """Note an answer that is no success, and came after so many seconds."""
        if code == 503:
            self.slowest_refusal = max(self.slowest_refusal, took * 1000)
        if code == 401 or redirected:
            self.logouts.append(f"{what}: {code}")
        elif code >= 500:
            self.server_errors.append(f"{what}: {code}")
        elif code >= 400:
            self.other.append(f"{what}: {code}")
