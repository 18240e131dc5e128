"""The fence under every order of steps: writers, readers, crashes, evictions (Hypothesis, real Redis).

The truth stands for MongoDB. Each writer and reader is cut into its steps, so that Hypothesis can
put any step of one between any two of another.
"""

import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from chat.cache import fence
from chat.extensions import redis

KEY = "cache:test:model"
ACTORS = st.integers(0, 1)


def until_up(ask, answered):
    """Ask until Redis answers: on a busy machine a step may run into the door's short limits."""
    for _ in range(1000):
        answer = ask()
        if answered(answer):
            return answer
        time.sleep(0.01)
    raise RuntimeError("nothing is proved without Redis")


class Fenced(RuleBasedStateMachine):
    """Values are numbers that only grow; ``acked`` is the greatest one that was acknowledged."""

    def __init__(self):
        super().__init__()
        redis.call(lambda r: [r.delete(k) for k in fence.companions(KEY)])
        self.truth = self.acked = 0
        self.writers = {}
        self.readers = {}

    # -- the protocol; the broken variants below take parts of it out --

    def begin(self):
        return until_up(lambda: fence.begin(KEY), lambda write: write.fenced)

    def end(self, write):
        fence.end(write, "SET", str(self.truth), "KEEPTTL")

    def fill(self, token, value):
        fence.fill(KEY, token, 60, "SET", [str(value)])

    # -- steps --

    @rule(who=ACTORS)
    def writer_begins(self, who):
        if who not in self.writers:
            self.writers[who] = [self.begin(), None]

    @rule(who=ACTORS)
    def writer_stores(self, who):
        if who in self.writers and self.writers[who][1] is None:
            self.truth += 1
            self.writers[who][1] = self.truth

    @rule(who=ACTORS)
    def writer_ends_and_acknowledges(self, who):
        if who in self.writers and self.writers[who][1]:
            write, value = self.writers.pop(who)
            self.end(write)
            self.acked = max(self.acked, value)

    @rule()
    def a_whole_write_passes(self):
        write = self.begin()
        self.truth += 1
        value = self.truth
        self.end(write)
        self.acked = max(self.acked, value)

    @precondition(lambda self: self.writers)
    @rule(who=ACTORS)
    def writer_dies_and_its_trust_ends(self, who):
        if who in self.writers:
            write, _ = self.writers.pop(who)
            redis.call(lambda r: r.zincrby(f"w:{{{KEY}}}", -fence.TRUSTED_MS - 1, write.writer))

    @rule(who=ACTORS)
    def reader_asks(self, who):
        reading = until_up(lambda: fence.read(KEY, "GET"), lambda reading: not reading.down)
        if reading.hit:
            assert int(reading.value) >= self.acked, "older than an acknowledged write"
        else:
            self.readers[who] = (reading.token, self.truth)

    @rule(who=ACTORS)
    def reader_fills(self, who):
        token, value = self.readers.pop(who, (None, 0))
        if token:
            self.fill(token, value)

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
        return fence.Write(KEY, fence.new_token(), 0.0, fenced=True)

    def end(self, write):
        redis.call(lambda r: r.set(KEY, self.truth, xx=True, keepttl=True))


CHECKS = settings(
    max_examples=100,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    derandomize=True,
)


def test_no_order_of_steps_gives_an_older_value_than_was_acknowledged(app):
    with app.app_context():
        run_state_machine_as_test(Fenced, settings=CHECKS)


def test_the_check_notices_when_fills_are_not_fenced(app):
    with app.app_context(), pytest.raises(AssertionError, match="older than an acknowledged"):
        run_state_machine_as_test(WithoutTokens, settings=CHECKS)


def test_the_check_notices_when_writes_are_not_announced(app):
    with app.app_context(), pytest.raises(AssertionError, match="older than an acknowledged"):
        run_state_machine_as_test(WithoutBegin, settings=CHECKS)
