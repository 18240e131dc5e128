"""The list of the newest messages under every order of steps (real Redis).

MongoDB stores the posts and changes of a channel in the order of their numbers, and their writers
end in any order. A list that is read has everything acknowledged. If it has a change, it has every
earlier change of its messages, too. If the token has the newest number, nothing acknowledged has a
greater one.
"""

import json
from collections import namedtuple
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from chat.cache import fence, newest_rev
from chat.cache.fence import reads as fence_reads
from chat.cache.fence import scripts
from chat.cache.fence import writes as fence_writes
from chat.redis.client import redis
from tests.cache.test_fence_model import until_up
from tests.support.effort import examples

KEY = "cache:test:newest"
MOST = 3
ANY, PROCESS = st.integers(0, 5), st.integers(0, 1)
Change = namedtuple("Change", "rev seq")  # a post if it is the first with this seq


def element(change):
    return json.dumps({"seq": change.seq, "rev": change.rev}, separators=(",", ":"))


def held(elements):
    found = [json.loads(each) for each in elements if not each.startswith("0 ")]
    return [Change(each["rev"], each["seq"]) for each in found]


class Newest(RuleBasedStateMachine):
    """``history`` is MongoDB: all changes, by their numbers. ``outside`` the stream are messages
    that take numbers and are not in the list."""

    def __init__(self):
        super().__init__()
        redis.call(lambda r: [r.delete(k) for k in fence.companions(KEY)])
        self.history, self.acked, self.outside = [], set(), set()
        self.begun, self.stored, self.lost, self.readers = [], [], [], []
        self.learners = []  # (token, what MongoDB says)
        self.copies = {}

    def teardown(self):
        redis.call(lambda r: [r.delete(k) for k in fence.companions(KEY)])

    script, learn = scripts.END_CHANGES, scripts.LEARN

    def end(self, write, changes):
        parts = [
            (change.rev, change.seq, "" if change.seq in self.outside else element(change))
            for change in changes
        ]
        how = fence_writes.change(parts, MOST)
        fence_writes.end_all([(write, fence_writes.Ending(self.script, how.args))])

    # -- MongoDB --

    def last_seq(self):
        return max((change.seq for change in self.history), default=0)

    def store(self, seqs):
        """The next numbers for these messages; one writer may post several."""
        changes = [Change(len(self.history) + n, seq) for n, seq in enumerate(seqs, 1)]
        self.history += changes
        return changes

    def page(self):
        newest = {c.seq: c for c in self.history if c.seq not in self.outside}
        return sorted(newest.values(), key=lambda change: change.seq)[-MOST:]

    # -- writers --

    @precondition(lambda self: len(self.begun) < 3)
    @rule()
    def writer_begins(self):
        self.begun.append(until_up(lambda: fence_writes.begin(KEY), lambda write: write.fenced))

    @precondition(lambda self: self.begun)
    @rule(which=ANY, count=st.integers(1, 2))
    def writer_posts(self, which, count):
        write, last = self.begun.pop(which % len(self.begun)), self.last_seq()
        self.stored.append((write, self.store(range(last + 1, last + 1 + count))))

    @precondition(lambda self: self.begun and self.history)
    @rule(which=ANY)
    def writer_answers(self, which):
        self.outside.add(self.last_seq() + 1)
        self.writer_posts(which, 1)

    @precondition(lambda self: self.begun and self.history)
    @rule(which=ANY, back=ANY)
    def writer_changes(self, which, back):
        seq = max(1, self.last_seq() - back)
        self.stored.append((self.begun.pop(which % len(self.begun)), self.store([seq])))

    @precondition(lambda self: self.begun)
    @rule(which=ANY)
    def writer_is_refused(self, which):
        fence_writes.release(self.begun.pop(which % len(self.begun)))

    @precondition(lambda self: self.stored)
    @rule(which=ANY)
    def writer_ends_and_acknowledges(self, which):
        write, changes = self.stored.pop(which % len(self.stored))
        self.end(write, changes)
        self.acked |= set(changes)

    @rule(back=st.one_of(st.none(), ANY))
    def a_whole_write_passes(self, back):
        self.begun.append(until_up(lambda: fence_writes.begin(KEY), lambda write: write.fenced))
        if back is None or not self.history:
            self.writer_posts(len(self.begun) - 1, 1)
        else:
            self.writer_changes(len(self.begun) - 1, back)
        self.writer_ends_and_acknowledges(len(self.stored) - 1)

    @precondition(lambda self: self.stored)
    @rule(which=ANY, ago=st.sampled_from([fence.TRUSTED_MS, fence.LEASE_MS]))
    def writer_is_given_up(self, which, ago):
        write, changes = self.stored.pop(which % len(self.stored))
        self.acked |= set(self.history)
        older = {write.writer: -ago - 1}
        redis.call(lambda r: r.zadd(f"w:{{{KEY}}}", older, xx=True, incr=True))
        self.lost.append((write, changes))

    @precondition(lambda self: self.lost)
    @rule(which=ANY)
    def writer_that_was_given_up_ends_after_all(self, which):
        self.end(*self.lost.pop(which % len(self.lost)))

    # -- readers --

    @rule(process=PROCESS)
    def reader_asks(self, process):
        known = self.copies.get(process, ("", None))[0]
        question = fence_reads.VersionedRead(KEY, ("LRANGE", 0, -1), known)
        reading = until_up(lambda: fence_reads.ask([question])[0], lambda found: not found.down)
        if reading.hit:
            found = self.copies[process][1] if reading.same else held(reading.value)
            self.check(found)
            self.copies[process] = (reading.version, found)
        elif reading.token:
            self.readers.append((process, reading.token, self.page()))

    @precondition(lambda self: self.readers)
    @rule(which=ANY)
    def reader_fills(self, which):
        process, token, page = self.readers.pop(which % len(self.readers))
        elements = list(map(element, page)) or [f"0 {KEY}"]
        version = fence_reads.fill(KEY, token, 60, "RPUSH", elements)
        if version:
            self.copies[process] = (version, page)

    @rule()
    def reader_asks_for_the_newest_number(self):
        token = redis.run(scripts.TOKEN, fence.companions(KEY), [fence.new_token(), 60])
        if token and (told := newest_rev.TOLD.fullmatch(token)):
            acked = max((change.rev for change in self.acked), default=0)
            assert int(told[1]) >= acked, "older than acknowledged"
        elif token:
            self.learners.append((token, len(self.history)))

    @precondition(lambda self: self.learners)
    @rule(which=ANY)
    def reader_learns_the_newest_number(self, which):
        token, rev = self.learners.pop(which % len(self.learners))
        redis.run(self.learn, fence.companions(KEY), [token, f"{token}r{rev}", 60])

    def check(self, found):
        seqs = [change.seq for change in found]
        assert all(a < b for a, b in pairwise(seqs)), "out of order"
        assert len(found) <= MOST
        assert set(found) <= set(self.history), "not what was stored"
        assert not self.outside & set(seqs), "not of the stream"
        shows = {change.seq: change.rev for change in found}
        first = seqs[0] if len(found) >= MOST else 0
        newest = max(shows.values(), default=0)
        due = [c for c in self.history if c.seq >= first and c.seq not in self.outside]
        for change in due:
            if change in self.acked:
                assert shows.get(change.seq, 0) >= change.rev, "older than acknowledged"
            if change.rev <= newest:
                assert shows.get(change.seq, 0) >= change.rev, "a later change without this one"

    @rule(what=st.sampled_from([KEY, f"v:{{{KEY}}}"]))
    def a_key_is_evicted(self, what):
        redis.call(lambda r: r.delete(what))


def without(part, instead):
    """The machine with scripts that lack this part."""
    assert part in scripts.END_CHANGES + scripts.LEARN
    lacking = {
        "script": scripts.END_CHANGES.replace(part, instead),
        "learn": scripts.LEARN.replace(part, instead),
    }
    return type("Broken", (Newest,), lacking)


NO_WRITES = " and redis.call('EXISTS', KEYS[3]) == 0"
SAME_TOKEN = "redis.call('GET', KEYS[2]) == ARGV[1] and "
BEHIND = "if not alone and newest ~= rev - 1 then return false end"


def two_messages_are_cached(machine):
    machine.a_whole_write_passes(None)
    machine.a_whole_write_passes(None)
    machine.reader_asks(0)
    machine.reader_fills(0)


def a_change_ends_after_a_later(write):
    """The first message is changed, then ``write``; what came later ends first."""

    def steps(machine):
        two_messages_are_cached(machine)
        machine.writer_begins()
        machine.writer_begins()
        machine.writer_changes(0, 1)
        write(machine)
        machine.writer_ends_and_acknowledges(1)
        machine.reader_asks(1)

    return steps


def a_change_ends_after_it_was_given_up_and_made_again(machine):
    two_messages_are_cached(machine)
    machine.writer_begins()
    machine.writer_changes(0, 1)
    machine.writer_is_given_up(0, fence.LEASE_MS)
    machine.reader_asks(0)
    machine.reader_fills(0)
    machine.a_whole_write_passes(1)
    machine.writer_that_was_given_up_ends_after_all(0)
    machine.reader_asks(1)


def a_change_was_acknowledged_before_an_earlier_one(machine):
    """Two are under way, and the one with the greater number ends first."""
    machine.writer_begins()
    machine.writer_begins()
    machine.writer_posts(0, 1)
    machine.writer_posts(0, 1)
    machine.writer_ends_and_acknowledges(1)
    machine.writer_ends_and_acknowledges(0)
    machine.reader_asks_for_the_newest_number()


def a_write_passes_while_somebody_learns(machine):
    machine.reader_asks_for_the_newest_number()
    machine.a_whole_write_passes(None)
    machine.reader_learns_the_newest_number(0)
    machine.reader_asks_for_the_newest_number()


BROKEN = {
    "while another write is under way": (
        without(NO_WRITES, ""), a_change_ends_after_a_later(lambda m: m.writer_posts(0, 1))
    ),
    "when others have written since": (
        without(SAME_TOKEN, ""), a_change_ends_after_it_was_given_up_and_made_again
    ),
    "by a post without an earlier change": (
        without("(alone or last_rev == rev - 1)", "true"),
        a_change_ends_after_a_later(lambda m: m.writer_posts(0, 1)),
    ),
    "by a change without an earlier one": (
        without(BEHIND, ""), a_change_ends_after_a_later(lambda m: m.writer_changes(0, 0))
    ),
}  # fmt: skip

CHECKS = settings(
    max_examples=examples(120),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    derandomize=True,
)


def test_no_order_of_steps_shows_a_change_without_an_earlier_or_an_acknowledged_one(app):
    with app.app_context():
        run_state_machine_as_test(Newest, settings=CHECKS)


@pytest.mark.parametrize("name", BROKEN)
def test_the_test_notices_a_list_that_is_not_updated(app, name):
    broken, steps = BROKEN[name]
    with app.app_context():
        steps(Newest())
        with pytest.raises(AssertionError, match=r"older than|a later change"):
            steps(broken())


NEWEST = {
    "by a write that was not alone": (
        without("alone and ARGV[2] .. 'r'", "ARGV[2] .. 'r'"),
        a_change_was_acknowledged_before_an_earlier_one,
    ),
    "by a reader whom a write has overtaken": (
        without("redis.call('GET', KEYS[2]) ~= ARGV[1] or ", ""),
        a_write_passes_while_somebody_learns,
    ),
}


@pytest.mark.parametrize("name", NEWEST)
def test_the_newest_number_is_not_told(app, name):
    broken, steps = NEWEST[name]
    with app.app_context():
        steps(Newest())
        with pytest.raises(AssertionError, match="older than"):
            steps(broken())


def test_changes_that_end_in_their_order_are_all_in_the_list_without_asking_mongodb(app):
    """Three at once; an old message that the list does not show takes a number, too."""
    with app.app_context():
        machine = Newest()
        for _ in range(MOST + 1):
            machine.a_whole_write_passes(None)
        machine.reader_asks(0)
        machine.reader_fills(0)
        for _ in range(3):
            machine.writer_begins()
        machine.writer_posts(0, 2)
        machine.writer_changes(0, 1)
        machine.writer_changes(0, 0)
        for _ in range(3):
            machine.writer_ends_and_acknowledges(0)
        machine.a_whole_write_passes(MOST)
        machine.writer_begins()
        machine.writer_answers(0)
        machine.writer_ends_and_acknowledges(0)
        machine.a_whole_write_passes(None)
        machine.reader_asks(0)
        assert machine.copies[0][1] == machine.page()
        assert not machine.readers
