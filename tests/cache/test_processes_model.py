"""After an acknowledged write no process answers with an older value, in any order of events.

Real processes with one MongoDB and one Redis get requests over HTTP. A model in Python knows the
right answers (tests/cache/processes). Longer runs: ``ATTACK_EXAMPLES=200 ATTACK_STEPS=40``; other
rounds: ``ATTACK_SEED=n``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.cache.processes.installation import PROCESSES, Installation, Stale, installation
from tests.cache.processes.race import Race
from tests.cache.processes.truth import PATHS, Ask
from tests.cache.processes.writes import KINDS, Writes, pick
from tests.support.effort import examples
from tests.support.long import long_but

EXAMPLES = int(os.getenv("ATTACK_EXAMPLES", examples(8)))
STEPS = int(os.getenv("ATTACK_STEPS", "12"))
SEED = os.getenv("ATTACK_SEED")
ANY, AT = st.integers(0, 11), st.integers(0, PROCESSES - 1)
KIND, PAUSE_MS = st.sampled_from(KINDS), st.integers(0, 20)
COLD = st.sampled_from((True, True, False))


class Attack(RuleBasedStateMachine):
    """People write at any process, keys expire and are evicted, readers are everywhere."""

    site: Installation
    found: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.site.forget("cache:*", "v:*")
        self.rooms: list[str] = []
        self.writes = Writes(self.site, self.rooms)
        self.log: list[str] = []
        for kind in (0, 1):  # a public one and a private one, of two people
            self._race([("create", kind, kind, 0)], crowd=0)
            self._race([("add", kind, kind, 0)], crowd=0)

    @rule(kind=KIND, a=ANY, b=ANY, at=AT, cold=COLD, pause_ms=PAUSE_MS)
    def somebody_writes_while_others_read(self, kind, a, b, at, cold, pause_ms):
        self._race([(kind, a, b, at)], cold, pause_ms)

    @rule(
        choices=st.lists(st.tuples(KIND, ANY, ANY, AT), min_size=2, max_size=4),
        cold=COLD,
        pause_ms=PAUSE_MS,
    )
    def several_write_while_others_read(self, choices, cold, pause_ms):
        self._race(choices, cold, pause_ms)

    @rule(
        which=st.integers(0, 999),
        pattern=st.sampled_from(("cache:*", "v:*")),
        how=st.sampled_from(("expires", "is evicted", "is evicted with all others")),
    )
    def a_key_goes(self, which, pattern, how):
        name = pick(sorted(self.site.redis.scan_iter(pattern, count=1000)), which)
        if name:
            self.log.append(f"{name} {how}")
            if how == "expires":
                self.site.redis.pexpire(name, 1)
            elif how == "is evicted":
                self.site.redis.unlink(name)
            else:
                self.site.forget(pattern)

    @rule(noun=st.sampled_from(sorted(PATHS)), a=ANY)
    def all_are_asked(self, noun, a):
        ids = {"person": self.site.truth.people}.get(noun, self.site.truth.rooms)
        ask = Ask(noun, pick(list(ids)[::-1], a) if "{}" in PATHS[noun] else "")
        with self._noted(f"all are asked {ask.path}"):
            Race(self.site, ()).ask_everybody([ask])

    def teardown(self) -> None:
        if not self.found:
            asks = [Ask("users"), Ask("channels"), *(Ask("history", room) for room in self.rooms)]
            with self._noted("all are asked everything"):
                Race(self.site, ()).ask_everybody(asks)

    def _race(self, choices, cold=False, pause_ms=0, crowd=2) -> None:
        writes = []
        for kind, a, b, at in choices:
            write = self.writes.choose(kind, a, b)
            if write and not any(write.disturbs(other) for other, _at in writes):
                writes.append((write, at))
        if writes:
            race = Race(self.site, writes)
            how = f"{'cold, ' if cold else ''}{crowd} readers each, {pause_ms} ms"
            with self._noted(f"{race.said} ({how})"):
                race.run(cold, pause_ms, crowd)

    @contextmanager
    def _noted(self, step: str) -> Iterator[None]:
        self.log.append(step)
        try:
            yield
        except Stale as stale:
            steps = "\n".join(f"  {n}. {text}" for n, text in enumerate(self.log, 1))
            type(self).found = f"{stale}\nthe steps:\n{steps}"
            raise Stale(self.found) from None


CHECKS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    phases=[Phase.generate],  # a race that was won once need not be won again
    suppress_health_check=list(HealthCheck),
    derandomize=SEED is None,
    database=None,
)


# Steps that have won a race somewhere, where the fence was broken or missing: tried first.
REPLAYS = {
    "a post while others miss the list and the tail": [
        {"kind": "role", "a": 2, "b": 1, "at": 0, "cold": True, "pause_ms": 15},
        {"kind": "post", "a": 0, "b": 1, "at": 0, "cold": True, "pause_ms": 12},
        {"kind": "post", "a": 0, "b": 1, "at": 1, "cold": True, "pause_ms": 8},
    ],
    "an edit, a deletion and a removal while others miss": [
        {"kind": "post", "a": 0, "b": 1, "at": 1, "cold": False, "pause_ms": 0},
        {"kind": "edit", "a": 0, "b": 0, "at": 0, "cold": True, "pause_ms": 6},
        {"kind": "delete", "a": 0, "b": 0, "at": 1, "cold": True, "pause_ms": 6},
        {"kind": "remove", "a": 1, "b": 0, "at": 0, "cold": True, "pause_ms": 10},
    ],
}


def replay(site: Installation, steps: list[dict]) -> None:
    machine = type("Attack", (Attack,), {"site": site})()
    for step in steps:
        machine.somebody_writes_while_others_read(**step)
    machine.teardown()


def attack(site: Installation, checks: settings) -> None:
    """Run the machine against these processes; Stale as soon as anybody is answered wrongly."""
    machine = type("Attack", (Attack,), {"site": site, "found": None})
    run = seed(int(SEED))(run_state_machine_as_test) if SEED else run_state_machine_as_test
    try:
        run(machine, settings=checks)
    except Flaky:  # found, and not again: it is a race
        if machine.found is None:
            raise  # something else went wrong once
        raise Stale(machine.found) from None


@pytest.fixture
def processes(tmp_path, mongod):
    """Start processes with what is to be left of the fence."""

    @contextmanager
    def start(fence: str) -> Iterator[Installation]:
        with installation(tmp_path, mongod.uri, fence) as site:
            yield site

    return start


def test_no_process_answers_anything_older_than_was_acknowledged(processes):
    with processes("whole") as site:
        for steps in REPLAYS.values():
            replay(site, steps)
        attack(site, CHECKS)


@pytest.mark.parametrize("fence", long_but(["taken out", "copies believed"], "copies believed"))
def test_the_attack_succeeds_where_the_fence_is_broken(processes, fence):
    with processes(fence) as site, pytest.raises(Stale, match=r"older than acknowledged|refused"):
        attack(site, settings(CHECKS, max_examples=100))
