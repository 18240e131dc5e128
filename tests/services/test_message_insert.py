"""Group commit of waiting posts to one channel: each is stored once, without a hole."""

import gevent
import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, BulkWriteError

from chat.cache import messages as cache
from chat.cache import unread, unread_tail
from chat.cache.fence import writes as fence_writes
from chat.cache.unread_tail import TailLine
from chat.models import Channel, Message, base, message_change, message_insert
from chat.models.message import lock
from chat.redis_schema import keys
from chat.request.concurrency import Turns
from tests.support.effort import examples

pytestmark = pytest.mark.usefixtures("site")
AUTHORS = ("b" * 24, "c" * 24)


def said(channel, author, name):
    return message_insert.post(
        channel, AUTHORS[author], "Ann", f"text {name}", "", f"{channel}-{name}"
    )


def waiting(channel, wanted):
    """These posts, (author, client id) each, that all wait for the channel's turn."""
    posts = []
    with lock(ObjectId(channel)):
        for author, name in wanted:
            posts.append(gevent.spawn(said, channel, author, name))
            gevent.sleep(0)
    return posts


def ended(posts):
    gevent.joinall(posts)
    return [one.value for one in posts]


def history(channel):
    return Message.page(channel, None, None, 100)[0]


def is_as_it_should_be(channel):
    """Numbers without a hole, each change number once, and the caches as MongoDB."""
    stored = history(channel)
    assert [m["seq"] for m in stored] == list(range(1, len(stored) + 1))
    assert len({m["rev"] for m in stored}) == len(stored)
    assert cache.get_recent(channel) == stored[-50:]
    assert unread.last_seq(channel) == len(stored)
    rows = Message.tail(channel, 100, unread_tail.FIELDS)
    assert [TailLine.of_row(row) for row in rows] == [TailLine.of(m) for m in stored]
    return stored


def new_channel():
    made = {"_id": ObjectId(), "kind": "private"}
    Channel._get_collection().insert_one(made | {"slug": str(made["_id"])})
    return str(made["_id"])


@pytest.fixture
def channel():
    return new_channel()


def test_posts_and_changes_that_wait_for_one_lock_never_wait_for_each_other(monkeypatch, channel):
    """With few turns: no post may hold one while whoever has the lock needs it."""
    turns = Turns(2)
    for module in (message_insert, message_change):
        monkeypatch.setattr(module, "turns", turns)
    message, _ = said(channel, 0, "first")

    def in_turn(work, *args):
        with turns.taken():
            work(*args)

    add = {"$set": {"text": "changed"}}
    with turns.taken(), lock(ObjectId(channel)):  # a post under way
        waiting = [gevent.spawn(in_turn, message_change.change, message, add)]
        gevent.sleep(0)
        waiting += [gevent.spawn(in_turn, said, channel, 1, f"later {n}") for n in range(3)]
        gevent.sleep(0)
    gevent.joinall(waiting, timeout=30, raise_error=True)
    assert all(each.dead for each in waiting)
    assert len(history(channel)) == 4


@pytest.fixture
def inserts(monkeypatch):
    """How many messages each insert brought to MongoDB."""
    sizes = []
    one, many = Collection.insert_one, Collection.insert_many

    def counted_one(self, row, *args, **kw):
        sizes.append(1)
        return one(self, row, *args, **kw)

    def counted_many(self, rows, *args, **kw):
        sizes.append(len(rows))
        return many(self, rows, *args, **kw)

    monkeypatch.setattr(Collection, "insert_one", counted_one)
    monkeypatch.setattr(Collection, "insert_many", counted_many)
    return sizes


def test_who_has_the_turn_stores_all_that_wait_in_the_order_in_which_they_came(channel, inserts):
    names = [f"{n:04}" for n in range(message_insert.MOST_TOGETHER + 4)]
    answers = ended(waiting(channel, [(0, name) for name in names]))
    assert inserts == [message_insert.MOST_TOGETHER, 4]
    assert [message["seq"] for message, _ in answers] == list(range(1, len(names) + 1))
    assert [m["client_id"] for m in is_as_it_should_be(channel)] == [
        f"{channel}-{n}" for n in names
    ]


@pytest.mark.needs_redis
def test_redis_is_told_of_all_of_them_before_and_after_in_one_round_trip_each(channel, trips):
    said(channel, 0, "first")
    cache.get_recent(channel)
    trips.clear()
    ended(waiting(channel, [(0, f"{n:04}") for n in range(10)]))
    assert sum(b"EVALSHA" in b"".join(sent) for sent in trips) == 2


def test_a_client_id_that_is_twice_among_them_is_stored_once(channel):
    wanted = [(0, "same"), (1, "same"), (0, "same"), (0, "other")]
    first, others, again, last = ended(waiting(channel, wanted))
    assert again == (first[0], False)
    assert [created for _, created in (first, others, last)] == [True] * 3
    assert len(is_as_it_should_be(channel)) == 3


def test_nobody_is_answered_when_it_is_unknown_what_was_stored(channel, monkeypatch):
    many = Collection.insert_many

    def cut(self, rows, *args, **kw):
        many(self, rows, *args, **kw)
        raise AutoReconnect("the line was cut")

    said(channel, 0, "before")
    is_as_it_should_be(channel)
    with monkeypatch.context() as while_cut:
        while_cut.setattr(Collection, "insert_many", cut)
        posts = waiting(channel, [(0, "one"), (0, "two")])
        gevent.joinall(posts)
    assert [type(one.exception) for one in posts] == [AutoReconnect] * 2
    assert said(channel, 0, "one")[1] is False
    assert len(is_as_it_should_be(channel)) == 3
    assert [said(channel, 0, name)[1] for name in ("two", "three")] == [False, True]
    assert len(is_as_it_should_be(channel)) == 4


def test_who_went_away_while_waiting_leaves_nothing_behind(channel):
    with lock(ObjectId(channel)):
        gone, there = (
            gevent.spawn(said, channel, 0, "gone"),
            gevent.spawn(said, channel, 0, "there"),
        )
        gevent.sleep(0)
        gone.kill()
    assert ended([there])[0][1]
    assert [m["client_id"] for m in is_as_it_should_be(channel)] == [f"{channel}-there"]


PEOPLE = st.tuples(st.integers(0, 1), st.sampled_from("abcdef"))
GROUPS = st.lists(
    st.tuples(st.lists(PEOPLE, min_size=1, max_size=6), st.booleans(), st.integers(0, 5))
)


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(groups=GROUPS)
def test_whatever_others_take_meanwhile_each_is_stored_once_and_shown(groups):
    """``stale``: this process has missed what the last group stored. ``at``: another process takes
    the number that the post at this place was to have."""
    channel, known = new_channel(), {}
    for wanted, stale, at in groups:
        before = base.NUMBERS.get(ObjectId(channel))
        with pytest.MonkeyPatch.context() as patch:
            under_way = _compete(patch, at)
            answers = ended(waiting(channel, wanted))
        shown = [message["seq"] for message in cache.get_recent(channel)]
        assert shown == list(range(1, len(shown) + 1))
        fence_writes.end_all([(write, fence_writes.drop()) for write in under_way])
        for who, (message, created) in zip(wanted, answers, strict=True):
            assert created == (who not in known)
            assert known.setdefault(who, message["id"]) == message["id"]
            assert (message["author"]["id"], message["client_id"]) == (
                AUTHORS[who[0]],
                f"{channel}-{who[1]}",
            )
        is_as_it_should_be(channel)
        if stale and before:
            base.NUMBERS.learn(ObjectId(channel), *before)


def _compete(patch, at):
    """Once, in the first insert of several: another process takes the next number in the middle.

    Returns what it has not told the end of yet.
    """
    many, left, under_way = Collection.insert_many, [at], []

    def overtaken(self, rows, *args, **kw):
        place = min(left.pop(), len(rows) - 1) if left else 0
        if not place:
            return many(self, rows, *args, **kw)
        many(self, rows[:place])
        channel = str(rows[0]["channel"])
        under_way.extend(
            fence_writes.begin_all([keys.recent_messages(channel), keys.tail(channel)])
        )
        self.insert_one({**rows[place], "_id": ObjectId(), "author": ObjectId()})
        try:
            return many(self, rows[place:])
        except BulkWriteError as error:
            error.details["writeErrors"][0]["index"] += place
            raise

    patch.setattr(Collection, "insert_many", overtaken)
    return under_way
