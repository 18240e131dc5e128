"""One trial: everybody works, a fault begins and ends, all recovers, and the row is computed."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from chat.embedded.mongo import Mongo
from tests.faults.harness.author import PAUSE
from tests.faults.harness.faults import Fault
from tests.faults.harness.installation import Installation, installed
from tests.support.waiting import eventually

CALM, AFTERWARDS = 2.0, 2.0  # seconds at work before the fault and after the recovery
RECOVERY = 90.0  # a failure, not a promise: see the measured figure
# What people are promised, on a machine that has nothing else to do: milliseconds, seconds.
ANSWERED, REFUSED, NORMAL = 500, 2000, 15


@dataclass
class Suffered:
    """One fault of a trial. ``None`` seconds: it was never announced (and need not be)."""

    fault: Fault
    announced: float | None = None
    server_errors: list[str] = field(default_factory=list)

    def broken(self) -> list[str]:
        complaints = []
        if self.fault.kind == "redis":
            complaints += [f"server error: {what}" for what in self.server_errors]
        if self.fault.degrades and self.announced is None:
            complaints.append(f"nobody was told: {self.fault.name}")
        return complaints


@dataclass
class Row:
    """What one fault did, or several in turn: then ``fault`` is the first of them."""

    fault: Fault
    suffered: list[Suffered] = field(default_factory=list)
    tried: int = 0
    acknowledged: int = 0
    stored: int = 0
    duplicated: int = 0
    lost: list[str] = field(default_factory=list)
    logouts: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    server_errors: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slow: list[str] = field(default_factory=list)  # the slowest, in words
    slowest_calm: float = 0.0
    slowest_refusal: float = 0.0
    longest_return: float = 0.0
    normal: float = 0.0
    corner: list[str] = field(default_factory=list)  # why the quiet corner proves nothing
    log: str = ""

    @property
    def announced(self) -> float | None:
        """Of the first fault."""
        return self.suffered[0].announced if self.suffered else None

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        complaints = [f"lost: {what}" for what in self.lost]
        complaints += [f"logged out: {what}" for what in self.logouts]
        complaints += [f"stale: {what}" for what in self.stale]
        complaints += [f"not understood: {what}" for what in self.other]
        if self.duplicated:
            complaints.append(f"{self.duplicated} stored twice")
        complaints += self.corner
        for each in self.suffered:
            complaints += each.broken()
        return complaints

    def late(self) -> list[str]:
        """What took longer than promised. Only of trials that had the machine to themselves."""
        complaints = []
        if self.fault.kind == "redis" and self.slowest > ANSWERED:
            complaints.append(f"an answer took {self.slowest:.0f} ms")
        if self.fault.kind == "redis" and self.normal > NORMAL:
            complaints.append(f"normal only after {self.normal:.1f} s")
        if self.fault.kind == "mongodb" and self.slowest_refusal > REFUSED:
            complaints.append(f"a 503 took {self.slowest_refusal:.0f} ms")
        return complaints


class Watch(threading.Thread):
    """Notes when each kind of word of the trouble came first."""

    def __init__(self, made: Installation, since: float) -> None:
        super().__init__(daemon=True)
        self.made, self.since = made, since
        self.before = made.words_of_trouble()
        self.announced: float | None = None
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.05) and self.announced is None:
            told = [*self.made.redis_statuses(), *self.made.ready_statuses()]
            if 503 in told or self._tabs_were_told():
                self.announced = monotonic() - self.since

    def _tabs_were_told(self) -> bool:
        return any(
            count > self.before.get(tab, 0) for tab, count in self.made.words_of_trouble().items()
        )


def attempt(
    fault: Fault,
    folder: Path,
    mongod: Mongo,
    authors: int = 8,
    lasts: float | None = None,
    then: Sequence[Fault] = (),
    pause: float = PAUSE,
) -> Row:
    """One row of the table; with ``then`` for several faults in turn, in one installation."""
    with installed(folder, mongod, authors, pause, fault.env, fault.servers) as made:
        eventually(made.is_normal)
        for person in (*made.authors, made.witness):
            person.start()
        sleep(CALM)
        row = Row(fault)
        for each in (fault, *then):
            _suffer(made, row, each, lasts or each.lasts)
        _stop(made, row)
        _account(made, row)
        row.log = made.log()
        return row


def _suffer(made: Installation, row: Row, fault: Fault, lasts: float) -> None:
    made.tally.enter("fault")
    errors_before = len(made.tally.server_errors)
    watch = Watch(made, monotonic())
    watch.start()
    made.witness.changing.set()
    with fault.block(made):
        if fault.back_at_once:
            made.witness.changing.clear()
        sleep(lasts)
        made.witness.changing.clear()
    healed = monotonic()
    eventually(made.is_normal, RECOVERY, every=0.1)
    row.normal = max(row.normal, monotonic() - healed)
    made.tally.enter("afterwards")
    sleep(AFTERWARDS)
    watch.done.set()
    watch.join()
    errors = made.tally.server_errors[errors_before:]
    row.suffered.append(Suffered(fault, watch.announced, errors))


def _stop(made: Installation, row: Row) -> None:
    """Everybody ends with an acknowledgement, and has been there until now."""
    if not made.witness.is_there():
        row.corner.append("the witness of the quiet corner has gone")
    if not made.tally.changes:
        row.corner.append("nothing was changed in the quiet corner")
    made.witness.stop()
    for author in made.authors:
        author.stop()
    for author in made.authors:
        author.join(RECOVERY)
        assert not author.is_alive(), f"{author.person.nickname} was never acknowledged"
        if author.failure:
            raise author.failure


def _account(made: Installation, row: Row) -> None:
    """Compare what was acknowledged with what is stored."""
    tally, stored = made.tally, made.history()
    times = Counter(message["client_id"] for message in stored)
    texts = {message["client_id"]: message["text"] for message in stored}
    row.tried, row.acknowledged, row.stored = tally.tried, len(tally.acknowledged), len(stored)
    row.duplicated = sum(count - 1 for count in times.values())
    row.lost = [
        f"{text!r} ({texts.get(client_id)!r} is stored)"
        for client_id, text in tally.acknowledged.items()
        if texts.get(client_id) != text
    ]
    if [message["seq"] for message in stored] != list(range(1, len(stored) + 1)):
        row.lost.append("the numbers have holes")
    row.logouts, row.stale, row.other = tally.logouts, tally.stale, tally.other
    row.server_errors = tally.server_errors
    row.slowest_calm = tally.slowest.get("calm", 0)
    row.slowest = tally.slowest.get("fault", 0)
    row.slowest_refusal = tally.slowest_refusal
    row.longest_return = tally.longest_return
    row.slow = [what for _, what in tally.slow.get("fault", [])]
