"""The fence under every order of steps of writers, readers, crashes and evictions (real Redis).

``Truth`` stands for MongoDB. Each writer and reader is divided into its steps, and Hypothesis runs
the steps of all in any order.
"""

import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from chat.cache import fence
from chat.cache.fence import reads as fence_reads
from chat.cache.fence import writes as fence_writes
from chat.redis.client import redis
from tests.support.effort import examples

KEY = "cache:test:model"
ANY = st.integers(0, 5)
PROCESS = st.integers(0, 1)


def until_up(ask, answered):
    """Ask until Redis answers: on a busy machine a step may run into the door's short limits."""
    for _ in range(1000):
        answer = ask()
        if answered(answer):
            return answer
        time.sleep(0.01)
    raise RuntimeError("nothing is proved without Redis")


class Fenced(RuleBasedStateMachine):
    """Values are numbers that only grow. Nobody may be given less than ``acked``, the greatest one
    acknowledged, nor less than ``seen``, what was stored when a writer died: no TTL excuses it."""

    def __init__(self):
        super().__init__()
        redis.call(lambda r: [r.delete(k) for k in fence.companions(KEY)])
        self.truth = self.acked = self.seen = 0
        self.begun, self.stored, self.readers = [], [], []
        self.copies = {}  # process → (version, value): what it keeps of what it was given

    def teardown(self):
        """Nothing is left behind for tests that look at every key."""
        redis.call(lambda r: [r.delete(k) for k in fence.companions(KEY)])

    # -- the protocol; the broken variants below take parts of it out --

    def begin(self):
        return until_up(lambda: fence_writes.begin(KEY), lambda write: write.fenced)

    def end(self, write):
        fence_writes.end(write, "SET", str(self.truth), "KEEPTTL")

    def fill(self, token, value):
        return fence_reads.fill(KEY, token, 60, "SET", [str(value)])

    def ask(self, process):
        known = self.copies.get(process, ("", None))[0]
        return fence_reads.ask([fence_reads.VersionedRead(KEY, ("GET",), known)])[0]

    # -- steps; "which" picks one of those for whom the step is possible --

    @precondition(lambda self: len(self.begun) < 2)
    @rule()
    def writer_begins(self):
        self.begun.append(self.begin())

    @precondition(lambda self: self.begun)
    @rule(which=ANY)
    def writer_stores(self, which):
        self.truth += 1
        self.stored.append((self.begun.pop(which % len(self.begun)), self.truth))

    @precondition(lambda self: self.stored)
    @rule(which=ANY)
    def writer_ends_and_acknowledges(self, which):
        write, value = self.stored.pop(which % len(self.stored))
        self.end(write)
        self.acked = max(self.acked, value)

    @rule()
    def a_whole_write_passes(self):
        self.begun.append(self.begin())
        self.truth += 1
        self.end(self.begun.pop())
        self.acked = self.truth

    @precondition(lambda self: self.stored)
    @rule(which=ANY, ago=st.sampled_from([fence.TRUSTED_MS, fence.LEASE_MS]))
    def writer_dies_and_its_trust_or_its_lease_ends(self, which, ago):
        write, self.seen = self.stored.pop(which % len(self.stored))[0], self.truth
        older = {write.writer: -ago - 1}
        redis.call(lambda r: r.zadd(f"w:{{{KEY}}}", older, xx=True, incr=True))

    @rule(process=PROCESS)
    def reader_asks(self, process):
        reading = until_up(lambda: self.ask(process), lambda reading: not reading.down)
        if reading.hit:
            value = self.copies[process][1] if reading.same else int(reading.value)
            assert value >= max(self.acked, self.seen), "older than acknowledged"
            self.copies[process] = (reading.version, value)
        elif reading.token:
            self.readers.append((process, reading.token, self.truth))

    @precondition(lambda self: self.readers)
    @rule(which=ANY)
    def reader_fills(self, which):
        process, token, value = self.readers.pop(which % len(self.readers))
        version = self.fill(token, value)
        if version:
            self.copies[process] = (version, value)

    @rule()
    def data_is_evicted(self):
        redis.call(lambda r: r.delete(KEY))

    @rule()
    def token_is_evicted(self):
        redis.call(lambda r: r.delete(f"v:{{{KEY}}}"))


class WithoutTokens(Fenced):
    """A reader fills whatever happened meanwhile: plain cache-aside."""

    def fill(self, token, value):
        redis.call(lambda r: r.set(KEY, value, ex=60))


class WithoutBegin(Fenced):
    """Only "write, then update": nobody sees a writer that stored its change and then died."""

    def begin(self):
        return fence_writes.Write(KEY, fence.new_token(), 0.0, fenced=True)

    def end(self, write):
        redis.call(lambda r: r.set(KEY, self.truth, xx=True, keepttl=True))


class WithoutNewVersions(Fenced):
    """A fill leaves the token as it was: a copy from before it passes for the same."""

    def fill(self, token, value):
        if super().fill(token, value):
            redis.call(lambda r: r.set(f"v:{{{KEY}}}", token))
            return token
        return None


class WithoutAsking(Fenced):
    """A copy is believed without asking for its version."""

    def ask(self, process):
        if process in self.copies:
            return fence_reads.Reading(hit=True, same=True, version=self.copies[process][0])
        return super().ask(process)


CHECKS = settings(
    max_examples=examples(300),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    derandomize=True,
)

UNTIL_FOUND = settings(CHECKS, max_examples=2000, phases=[Phase.generate])


def test_no_order_of_steps_gives_an_older_value_than_was_acknowledged(app):
    with app.app_context():
        run_state_machine_as_test(Fenced, settings=CHECKS)


@pytest.mark.long
def test_the_check_notices_when_fills_are_not_fenced(app):
    with app.app_context(), pytest.raises(AssertionError, match="older than acknowledged"):
        run_state_machine_as_test(WithoutTokens, settings=UNTIL_FOUND)


@pytest.mark.long
def test_the_check_notices_when_writes_are_not_announced(app):
    with app.app_context(), pytest.raises(AssertionError, match="older than acknowledged"):
        run_state_machine_as_test(WithoutBegin, settings=UNTIL_FOUND)


def a_writer_is_lost_and_what_it_wrote_is_filled_in(machine):
    """Process 0 keeps a copy from while the write was under way; process 1 fills after its end."""
    machine.reader_asks(1)
    machine.reader_fills(0)
    machine.writer_begins()
    machine.reader_asks(0)
    machine.writer_stores(0)
    machine.writer_dies_and_its_trust_or_its_lease_ends(0, fence.LEASE_MS)
    machine.reader_asks(1)
    machine.reader_fills(0)
    machine.reader_asks(0)


def test_a_copy_from_before_a_lost_write_does_not_pass_for_what_was_filled_after_it(app):
    with app.app_context():
        a_writer_is_lost_and_what_it_wrote_is_filled_in(Fenced())
        with pytest.raises(AssertionError, match="older than acknowledged"):
            a_writer_is_lost_and_what_it_wrote_is_filled_in(WithoutNewVersions())


def test_the_check_notices_when_a_copy_is_believed_without_asking(app):
    with app.app_context(), pytest.raises(AssertionError, match="older than acknowledged"):
        run_state_machine_as_test(WithoutAsking, settings=UNTIL_FOUND)
