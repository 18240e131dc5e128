"""Percentages change while two processes read and write: no answer is ever old.

Both processes live in this one, each with what it has heard of the rollout, on real servers. Their
clock is moved by the machine. A process may be deaf for any time; a write may take any time.
"""

import contextlib
import itertools

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from chat import rollout
from chat.cache import channels, flush, process_copies, read_through
from chat.cache.fence import writes as fence_writes
from chat.models import Rollout, Site, base
from chat.services import rollout as rollout_service
from chat.services.rollout import follower
from tests.support.effort import examples
from tests.support.emptied import empty_redis

PROCESS = st.integers(0, 1)
NUMBERS = itertools.count(1)


class Walk(RuleBasedStateMachine):
    """The site's name is a number that only grows; ``acked`` is the greatest acknowledged."""

    clock = None
    margin = rollout.MARGIN
    empties = True

    def __init__(self):
        super().__init__()
        self.clock.now += 1000
        empty_redis()
        process_copies.copies.clear()
        Rollout.objects.delete()
        self.heard = [rollout.Heard(), rollout.Heard()]
        self.writes = {}
        self.changed = self.clock.now
        self.acked = next(NUMBERS)
        Site.objects(id="site").update_one(set__name=str(self.acked))
        for process in (0, 1):
            with self.at(process):
                follower.look()

    @contextlib.contextmanager
    def at(self, process):
        rollout._heard = self.heard[process]
        yield

    @rule(process=PROCESS)
    def hear(self, process):
        with self.at(process):
            follower.look()

    @rule(seconds=st.sampled_from((1, 2, 4, 6, 9)), deaf=st.booleans(), process=PROCESS)
    def time_passes(self, seconds, deaf, process):
        """Mostly both hear; now and then one of them stands still or cannot."""
        self.clock.now += seconds
        self.hear(process)
        if not deaf:
            self.hear(1 - process)

    @rule(percent=st.sampled_from((0, 0, 100, 50)))
    def change(self, percent):
        before = Rollout.read()["features"]["channels"]
        rollout_service.command("channels", str(percent))
        if Rollout.read()["features"]["channels"]["since"] != before["since"]:
            self.changed = self.clock.now

    @rule(process=PROCESS)
    def settle(self, process):
        if self.clock.now - self.changed < self.margin:
            return
        with self.at(process):
            row = Rollout.read()["features"]["channels"]
            if row["stage"] != "steady":
                if self.empties:
                    flush.empty("channels")
                Rollout.settle("channels", row["since"])

    @precondition(lambda self: not self.writes)
    @rule(process=PROCESS)
    def begin(self, process):
        with self.at(process):
            self.writes[process] = base.announced(Site(id="site"))
            self.writes[process].__enter__()

    @precondition(lambda self: self.writes)
    @rule()
    def end(self):
        process, write = self.writes.popitem()
        with self.at(process):
            number = next(NUMBERS)
            Site.objects(id="site").update_one(set__name=str(number))
            write.__exit__(None, None, None)
            self.acked = number

    @rule(process=PROCESS)
    def write(self, process):
        if not self.writes:
            self.begin(process)
            self.end()

    @rule(process=PROCESS, overtaken=st.booleans())
    def read(self, process, overtaken):
        """A reader may be overtaken by a write between what MongoDB said and its fill."""
        with self.at(process):
            least = self.acked
            source = channels.site_source()

            def load():
                found = source.load()
                if overtaken and not self.writes:
                    self.write(1 - process)
                    rollout._heard = self.heard[process]
                return found

            name = read_through.get(source._replace(load=load))["name"]
        assert int(name) >= least, f"{name} was answered after {least} had been acknowledged"


@pytest.fixture
def walk(following, clock):
    """The machine."""
    return type("Walk", (Walk,), {"clock": clock})


def test_nothing_old_is_answered_while_percentages_change(walk):
    run_state_machine_as_test(
        walk,
        settings=settings(
            max_examples=examples(40), stateful_step_count=40, deadline=None, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


# What each part is for: a walk on which something old is answered without it.


def to(walk, percent, deaf=None):
    """A change, and all its time; one process may hear nothing of it."""
    walk.change(percent)
    for _ in range(5):
        walk.clock.now += 2
        for process in {0, 1} - {deaf}:
            walk.hear(process)
    walk.settle(0)
    for process in {0, 1} - {deaf}:
        walk.hear(process)


def emptied(walk):
    walk.read(0, False)
    to(walk, 0)
    walk.write(0)
    to(walk, 100)
    walk.read(0, False)


def waited_for_the_slower(walk):
    to(walk, 0)
    walk.change(100)
    walk.hear(0)
    walk.settle(0)
    walk.hear(0)
    walk.read(0, False)
    walk.write(1)
    walk.read(0, False)


def waited_for_readers(walk):
    walk.change(0)
    walk.hear(0)
    walk.settle(0)
    walk.hear(0)
    walk.read(1, False)
    walk.write(0)
    walk.read(1, False)


def stood_still(walk):
    to(walk, 0)
    to(walk, 100, deaf=1)
    walk.read(0, False)
    walk.write(1)
    walk.read(0, False)


def stood_still_while_it_ended(walk):
    walk.read(1, False)
    to(walk, 0, deaf=1)
    walk.read(1, False)
    walk.write(0)
    walk.read(1, False)


def took_long(walk):
    to(walk, 0)
    walk.begin(1)
    to(walk, 100)
    walk.read(0, False)
    walk.end()
    walk.read(0, False)


def never_emptied(walk, monkeypatch):
    walk.empties = False


def never_waits(walk, monkeypatch):
    walk.margin = 0


def trusts_for_ever(walk, monkeypatch):
    monkeypatch.setattr(rollout, "LEASE", 1e9)


def in_one_step(walk, monkeypatch):
    monkeypatch.setattr(rollout.Share, "to", lambda self, percent: rollout.Share(percent))


def asked_only_at_the_beginning(walk, monkeypatch):
    end_all = fence_writes.end_all
    announced = lambda endings: end_all([(w, how) for w, how in endings if w.fenced])  # noqa: E731
    monkeypatch.setattr(fence_writes, "end_all", announced)


NEEDED = [
    (emptied, never_emptied),
    (waited_for_the_slower, never_waits),
    (waited_for_the_slower, in_one_step),
    (waited_for_readers, never_waits),
    (waited_for_readers, in_one_step),
    (stood_still, trusts_for_ever),
    (stood_still_while_it_ended, trusts_for_ever),
    (took_long, asked_only_at_the_beginning),
]


@pytest.mark.parametrize(("steps", "without"), NEEDED)
def test_every_part_is_needed(walk, monkeypatch, steps, without):
    steps(walk())
    broken = walk()
    without(broken, monkeypatch)
    with pytest.raises(AssertionError, match="was answered after"):
        steps(broken)
