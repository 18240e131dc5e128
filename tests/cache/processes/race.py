"""One round: some processes write while readers ask all of them; then the answers are checked."""

import random
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from tests.cache.processes.installation import Installation, Stale, differences
from tests.cache.processes.truth import Answer, Ask
from tests.cache.processes.writes import Write
from tests.support.waiting import SECONDS

BY_ANYBODY = ("users", "person")  # the same for every reader: one of them asks
ACKNOWLEDGED = (200, 201, 204, 303)
CROWD = 2  # readers at each process
LATE_MS = 80
EVICT_EVERY = 0.005  # seconds


@dataclass(frozen=True)
class Reading:
    """What somebody was answered, and when they had asked."""

    process: int
    reader: str
    ask: Ask
    began: float
    answer: Answer


class Race:
    """Writes that do not disturb each other, each at its own process."""

    def __init__(self, site: Installation, writes: Sequence[tuple[Write, int]]) -> None:
        self.site, self.writes = site, list(writes)
        self.asks = tuple(dict.fromkeys(ask for write, _at in writes for ask in write.asks))
        self.said = "; ".join(f"{write.what} (at {at})" for write, at in self.writes)
        self.readings: list[Reading] = []
        self._over, self._written = threading.Event(), threading.Event()

    def run(self, cold: bool, pause_ms: int, crowd: int = CROWD) -> None:
        """Let them write; ``cold``: the keys go again and again. Stale if anything is older."""
        before = self._expected()
        others = self._start_readers(crowd)
        if cold:
            others.append(self.site.threads.submit(self._keep_evicting))
        try:
            answers = self._write(pause_ms)
            acknowledged = time.monotonic()
            self._written.set()
            for (write, _at), answer in zip(self.writes, answers, strict=True):
                self._accept(write, answer)
            self.ask_everybody(self.asks, most=1 if crowd else None)
        finally:
            self._written.set()
            self._over.set()
            for other in others:
                other.result(SECONDS)
        self._judge(before, acknowledged)
        if crowd:  # the last of them may have filled late
            self.ask_everybody(self.asks)

    def ask_everybody(self, asks: Iterable[Ask], most: int | None = None) -> None:
        """Ask every process, as every reader to whom it makes a difference, or so many of them."""
        questions = list(questions_of(self.site, asks, most))
        processes = range(len(self.site.processes))
        rounds = [self.site.threads.submit(self._ask_all, at, questions) for at in processes]
        for reading in [reading for each in rounds for reading in each.result(SECONDS)]:
            self._compare(reading, self.site.truth.answer(reading.ask, reading.reader))

    def _ask_all(self, at: int, questions: list[tuple[str, Ask]]) -> list[Reading]:
        return [self._read(at, reader, ask) for reader, ask in questions]

    def _read(self, at: int, reader: str, ask: Ask, late_ms: int = 0) -> Reading:
        began = time.monotonic()
        return Reading(at, reader, ask, began, self.site.ask(at, reader, ask, late_ms))

    def _start_readers(self, crowd: int) -> list[Future[None]]:
        processes = range(len(self.site.processes))
        places = [(at, n) for at in processes for n in range(crowd)]
        return [self.site.threads.submit(self._keep_reading, at, n) for at, n in places]

    def _keep_reading(self, at: int, number: int) -> None:
        questions = list(questions_of(self.site, self.asks))
        random.Random(number).shuffle(questions)
        while not self._over.is_set():
            for reader, ask in questions:
                if self._over.is_set():
                    break
                self.readings.append(self._read(at, reader, ask, LATE_MS))

    def _keep_evicting(self) -> None:
        keys = [key for write, _at in self.writes for key in write.aims]
        while not self._written.is_set():
            self.site.redis.unlink(*keys)
            self._written.wait(EVICT_EVERY)

    def _write(self, pause_ms: int) -> list[Any]:
        def send(write: Write, at: int) -> Any:
            self._written.wait(pause_ms / 1000)  # where in the readers' way it falls is drawn
            return write.send(at)

        sent = [self.site.threads.submit(send, write, at) for write, at in self.writes]
        return [each.result(SECONDS) for each in sent]

    def _accept(self, write: Write, answer: Any) -> None:
        status = getattr(answer, "status_code", 200)
        assert status < 500, f"{write.what}: failed with {status} {answer.text[:300]}"
        if status not in ACKNOWLEDGED:
            # Whoever may do it is refused only by a process that believes something older.
            raise Stale(f"{write.what}: refused with {status} {answer.text[:300]}")
        write.true(answer)

    def _expected(self) -> dict[tuple[str, Ask], Answer]:
        truth = self.site.truth
        return {(r, ask): truth.answer(ask, r) for r, ask in questions_of(self.site, self.asks)}

    def _judge(self, before: dict[tuple[str, Ask], Answer], acknowledged: float) -> None:
        """Readers who asked after the acknowledgement know; the others saw what was or is true."""
        for reading in self.readings:
            after = self.site.truth.answer(reading.ask, reading.reader)
            if reading.began >= acknowledged:
                self._compare(reading, after)
            elif len(self.writes) == 1 and self.writes[0][0].at_once:
                self._compare(reading, before[reading.reader, reading.ask], after)

    def _compare(self, reading: Reading, *allowed: Answer) -> None:
        found = differences(reading.answer, *allowed)
        if found:
            name = self.site.truth.people[reading.reader].nickname
            raise Stale(
                f"after: {self.said}\nprocess {reading.process} answered {name} at "
                f"{reading.ask.path} something older than acknowledged:\n  " + "\n  ".join(found)
            )


def questions_of(
    site: Installation, asks: Iterable[Ask], most: int | None = None
) -> Iterable[tuple[str, Ask]]:
    """Who asks what."""
    for ask in asks:
        if ask.by:
            yield ask.by, ask
        else:
            readers = site.readers[: 1 if ask.noun in BY_ANYBODY else most]
            yield from ((reader, ask) for reader in readers)
