"""Values in use are refreshed before they expire; a long list is filled beside the old one."""

from datetime import timedelta

import gevent
import pytest
from gevent.event import Event

from chat.cache import messages, read_through, users, users_by_activity
from chat.cache.fence import reads as fence_reads
from chat.cache.process_copies import Copies, Copy, Made
from chat.models import Message, User, base
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.request.concurrency import MOST_BEHIND, turns
from chat.services import messages as service


def left_ms(key):
    return redis.call(lambda client: client.pttl(key))


def about_to_expire(key):
    redis.call(lambda client: client.pexpire(key, 3_000))


def until_background_is_done():
    """What was spawned runs while this greenlet lets it."""
    with gevent.Timeout(10):
        gevent.sleep(0.01)
        while read_through._filling or read_through._refreshing:
            gevent.sleep(0.01)


def test_what_is_about_to_expire_is_fetched_anew_and_nobody_finds_it_missing(world, monkeypatch):
    service.post(world.owner, world.channel, "one", "client-00001")
    messages.get_recent(world.channel)
    key = keys.recent_messages(world.channel)
    about_to_expire(key)
    page, asked = Message.page, []
    monkeypatch.setattr(Message, "page", lambda *args: asked.append(args) or page(*args))

    assert messages.get_recent(world.channel)[-1]["text"] == "one"
    assert not asked, "the reader waited for MongoDB"
    until_background_is_done()

    assert len(asked) == 1
    assert left_ms(key) > 30_000


def test_values_that_end_together_are_fetched_anew_a_few_at_a_time_behind_people_at_work(
    world, monkeypatch
):
    """Each takes a connection: a hundred at once would leave none for those who wait for a page."""
    under_way, most, gate = [], [], Event()

    def load(number):
        under_way.append(number)
        most.append(len(under_way))
        gate.wait()
        under_way.remove(number)

    def source(number):
        return read_through.Source(f"key {number}", shape, lambda: load(number))

    shape = read_through.Shape("users", "TTL_USERS", (), "", lambda *_: (), lambda *_: None)
    monkeypatch.setattr(fence_reads, "fill", lambda *_: None)
    with turns.taken():
        for number in range(read_through.MOST_REFRESHING + 20):
            read_through._refresh(source(number), "a version")
    gevent.sleep(0)
    given_up = read_through.MOST_REFRESHING + 20 - len(read_through._refreshing)
    gate.set()
    until_background_is_done()
    assert max(most) == MOST_BEHIND
    assert len(most) == read_through.MOST_REFRESHING + MOST_BEHIND
    assert given_up == 20 - MOST_BEHIND


def test_what_is_not_fetched_anew_in_time_is_fetched_when_somebody_finds_it_missing(
    world, monkeypatch
):
    service.post(world.owner, world.channel, "one", "client-00001")
    messages.get_recent(world.channel)
    about_to_expire(keys.recent_messages(world.channel))
    monkeypatch.setattr(read_through, "MOST_REFRESHING", 0)
    messages.get_recent(world.channel)
    until_background_is_done()
    redis.call(lambda client: client.delete(keys.recent_messages(world.channel)))
    assert messages.get_recent(world.channel)[-1]["text"] == "one"
    assert left_ms(keys.recent_messages(world.channel)) > 30_000


@pytest.fixture
def nobody_has_a_turn():
    """The refreshes behind whoever works stay in their queue as long as the test lasts."""
    before = turns.most
    turns.resize(1)
    with turns.taken():
        yield
    until_background_is_done()
    turns.resize(before)


def test_no_reader_waits_for_a_fill_that_itself_waits_for_its_turn(
    world, monkeypatch, nobody_has_a_turn
):
    for limit in ("WAIT_SECONDS", "PATIENCE"):
        monkeypatch.setattr(read_through, limit, 60)
    service.post(world.owner, world.channel, "one", "client-00001")
    messages.get_recent(world.channel)
    key = keys.recent_messages(world.channel)
    about_to_expire(key)
    messages.get_recent(world.channel)
    assert key in read_through._refreshing
    redis.call(lambda client: client.delete(key))
    with gevent.Timeout(20):
        assert messages.get_recent(world.channel)[-1]["text"] == "one"
    assert left_ms(key) > 0, "the reader filled it"


def test_who_waits_for_many_fills_waits_for_all_of_them_together(app, world, monkeypatch):
    monkeypatch.setattr(read_through, "WAIT_SECONDS", 1)
    shape = read_through.Shape(
        "users", "TTL_USERS", ("GET",), "SET", lambda value, _: (value,), lambda text, _: text
    )
    gate, names = Event(), [f"tried:{number}" for number in range(20)]

    def slowly():
        gate.wait()
        return "late"

    def fill(name):
        with app.app_context():
            read_through.get(read_through.Source(name, shape, slowly))

    fills = [gevent.spawn(fill, name) for name in names]
    while len(read_through._filling) < len(names):
        gevent.sleep(0.01)
    sources = [read_through.Source(name, shape, lambda: "soon") for name in names]
    with gevent.Timeout(10):  # one after the other they would be waited for twenty seconds
        found = read_through.look_all(sources)
    gate.set()
    gevent.joinall(fills, raise_error=True)
    assert [copy.value for copy in found] == ["soon"] * len(names)


def test_a_value_in_the_middle_of_its_life_is_left_alone(world, monkeypatch):
    service.post(world.owner, world.channel, "one", "client-00001")
    messages.get_recent(world.channel)
    monkeypatch.setattr(Message, "page", lambda *args: pytest.fail("asked MongoDB"))

    messages.get_recent(world.channel)
    until_background_is_done()


def test_a_write_that_passes_while_a_value_is_fetched_anew_is_not_undone(world, monkeypatch):
    service.post(world.owner, world.channel, "one", "client-00001")
    messages.get_recent(world.channel)
    about_to_expire(keys.recent_messages(world.channel))
    page = Message.page

    def overtaken(*args):
        found = page(*args)
        monkeypatch.setattr(Message, "page", page)
        service.post(world.owner, world.channel, "two", "client-00002")
        return found

    monkeypatch.setattr(Message, "page", overtaken)
    messages.get_recent(world.channel)
    until_background_is_done()

    assert [m["text"] for m in messages.get_recent(world.channel)] == ["one", "two"]


def test_a_long_list_is_filled_in_the_background_and_pages_are_right_meanwhile(world, monkeypatch):
    monkeypatch.setattr(users_by_activity, "AT_ONCE", 1)
    monkeypatch.setattr(users_by_activity, "PIECE", 1)
    redis.call(lambda client: client.delete(keys.users_list()))

    first = users.list_recent(10, None)
    assert first.version is None
    assert not redis.call(lambda client: client.exists(keys.users_list()))
    until_background_is_done()

    filled = users.list_recent(10, None)
    assert filled.version
    assert filled.entries == first.entries
    assert {uid for uid, _ in filled.entries} == {world.owner.id, world.other.id}
    assert not redis.call(lambda client: list(client.scan_iter("f:*")))


def test_who_is_active_while_the_list_is_filled_stands_where_they_belong(world, monkeypatch):
    monkeypatch.setattr(users_by_activity, "AT_ONCE", 1)
    redis.call(lambda client: client.delete(keys.users_list()))
    later = {world.owner.id: base.now() + timedelta(hours=1)}
    activity = User.activity

    def overtaken(since=None):
        found = list(activity(since))
        if since is None:
            User.touch_all(later)
            users_by_activity.store_activity(later)
        return found

    monkeypatch.setattr(User, "activity", overtaken)
    users.list_recent(10, None)
    until_background_is_done()

    assert users.list_recent(10, None).entries[0][0] == world.owner.id


def test_a_person_saved_while_the_list_is_filled_ends_that_fill(world, monkeypatch):
    monkeypatch.setattr(users_by_activity, "AT_ONCE", 1)
    redis.call(lambda client: client.delete(keys.users_list()))
    activity = User.activity

    def overtaken(since=None):
        found = list(activity(since))
        User.change(world.other.id, set__active=False)
        return found

    monkeypatch.setattr(User, "activity", overtaken)
    users.list_recent(10, None)
    until_background_is_done()

    assert [uid for uid, _ in users.list_recent(10, None).entries] == [world.owner.id]
    assert not redis.call(lambda client: client.exists(keys.users_list()))


def test_copies_are_bounded_and_what_is_too_big_is_asked_for_in_parts():
    kept = Copies(most=100, most_of_one=50)
    for number in range(20):
        kept.keep(f"key {number}", Copy(number, "v"), 10)
    assert [number for number in range(20) if kept.get(f"key {number}")] == list(range(10, 20))
    kept.keep("big", Copy("big", "v"), 51)
    assert kept.get("big") is None
    assert kept.is_too_big("big")


def test_what_was_made_is_made_anew_when_what_it_was_made_from_has_changed_or_cannot_be_told():
    made, count = Made(2), []

    def make():
        count.append(1)
        return len(count)

    assert [made.get("a", ("v1",), make) for _ in range(2)] == [1, 1]
    assert made.get("a", ("v2",), make) == 2
    assert [made.get("a", (None,), make) for _ in range(2)] == [3, 4]


def test_the_members_of_a_huge_channel_are_asked_about_one_by_one(world, monkeypatch):
    from chat.cache import members, process_copies

    monkeypatch.setattr(read_through, "copies", process_copies.Copies(most_of_one=10))
    members.get_members(world.channel)
    members.get_members(world.channel)
    asked, read = [], fence_reads.read
    monkeypatch.setattr(fence_reads, "read", lambda key, *c: asked.append(c[0]) or read(key, *c))

    assert members.is_member(world.channel, world.owner.id)
    assert not members.is_member(world.channel, "0" * 24)
    assert asked == ["SISMEMBER", "SISMEMBER"]


def test_of_many_readers_that_miss_a_value_one_asks_mongodb(app, world, monkeypatch):
    service.post(world.owner, world.channel, "one", "client-00001")
    redis.call(lambda client: client.delete(keys.recent_messages(world.channel)))
    page, asked = Message.page, []

    def slow(*args):
        asked.append(args)
        gevent.sleep(0.005)
        return page(*args)

    def read():
        with app.test_request_context():
            return messages.get_recent(world.channel)

    monkeypatch.setattr(Message, "page", slow)
    readers = [gevent.spawn(read) for _ in range(20)]
    gevent.joinall(readers, raise_error=True)

    assert {reader.value[-1]["text"] for reader in readers} == {"one"}
    assert len(asked) == 1
