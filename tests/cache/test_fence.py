"""After an acknowledged write no reader gets an older value."""

import json

import pytest
from flask import g
from gevent.lock import BoundedSemaphore

from chat.auth import permissions
from chat.cache import channels, fence, members, messages, users
from chat.cache.fence import writes as fence_writes
from chat.cache.process_copies import copies
from chat.errors import NotFound
from chat.models import Channel, EmojiUse, Membership, Message, Site, User, base
from chat.redis import mark
from chat.redis.client import redis
from chat.services import accounts, emoji
from chat.services import channels as channel_service
from chat.services import messages as message_service
from chat.services import site as site_service


def post(world, text, n):
    return message_service.post(world.owner, world.channel, text, f"client-{n:05}")[0]


def overtaken(monkeypatch, model, name, write):
    """Hold a reader between its MongoDB read and its fill while a whole write passes."""
    original = getattr(model, name)
    passed = []

    def held(*args, **kw):
        value = original(*args, **kw)
        if not passed:
            passed.append(True)
            write()
        return list(value) if name == "activity" else value

    monkeypatch.setattr(model, name, held)
    return passed


def cold(key):
    redis.call(lambda r: r.delete(key))


RACES = {
    "profile": (
        lambda w: f"cache:users:profile:{w.owner.id}", User, "profiles",
        lambda w: accounts.update_settings(w.owner, status="new"),
        lambda w: users.get_profile(w.owner.id)["status"], "new",
    ),
    "user list": (
        lambda w: "cache:users:list", User, "activity",
        lambda w: accounts.deactivate(w.owner, w.other.id),
        lambda w: len(users.list_recent(10, None).entries), 1,
    ),
    "channel list": (
        lambda w: "cache:channels:list", Channel, "named",
        lambda w: channel_service.update(w.owner, w.channel, topic="new"),
        lambda w: channels.get(w.channel)["topic"], "new",
    ),
    "members": (
        lambda w: f"cache:channel:users:{w.channel}", Membership, "user_ids",
        lambda w: Membership.remove(w.channel, w.other.id),
        lambda w: members.get_members(w.channel) >= {w.other.id}, False,
    ),
    "posted message": (
        lambda w: f"cache:messages:recent:{w.channel}", Message, "page",
        lambda w: post(w, "new", 2),
        lambda w: messages.get_recent(w.channel)[-1]["text"], "new",
    ),
    "edited message": (
        lambda w: f"cache:messages:recent:{w.channel}", Message, "page",
        lambda w: message_service.edit(w.owner, w.message, "new"),
        lambda w: messages.get_recent(w.channel)[-1]["text"], "new",
    ),
    "site": (
        lambda w: "cache:site", Site, "with_owner",
        lambda w: site_service.update_site(w.owner, name="new"),
        lambda w: channels.get_site()["name"], "new",
    ),
}  # fmt: skip


@pytest.mark.parametrize("noun", RACES)
def test_a_reader_overtaken_by_a_writer_does_not_bring_back_the_old_value(world, monkeypatch, noun):
    key, model, load, write, read, expected = RACES[noun]
    world.message = post(world, "old", 1)["id"]
    permissions.get_channel_for(world.owner, world.channel)
    cold(key(world))

    passed = overtaken(monkeypatch, model, load, lambda: write(world))
    read(world)

    assert passed, "the reader was not held: the test proves nothing"
    assert read(world) == expected


def test_who_is_let_in_again_is_at_once_in_the_list_of_people(world):
    accounts.deactivate(world.owner, world.other.id)
    cold("cache:users:list")
    users.list_recent(10, None)
    assert len(users.list_recent(10, None).entries) == 1

    accounts.reactivate(world.owner, world.other.id)

    assert len(users.list_recent(10, None).entries) == 2


def test_a_post_is_served_from_redis_without_asking_mongodb_again(world, monkeypatch):
    post(world, "one", 1)
    messages.get_recent(world.channel)
    monkeypatch.setattr(Message, "page", lambda *a: pytest.fail("asked MongoDB"))

    post(world, "two", 2)

    assert [m["text"] for m in messages.get_recent(world.channel)] == ["one", "two"]


def test_a_list_that_has_expired_does_not_come_back_with_one_message(world):
    post(world, "one", 1)
    messages.get_recent(world.channel)
    cold(f"cache:messages:recent:{world.channel}")

    post(world, "two", 2)

    assert [m["text"] for m in messages.get_recent(world.channel)] == ["one", "two"]


def test_the_first_post_follows_the_marker_of_an_empty_channel(world, monkeypatch):
    assert messages.get_recent(world.channel) == []
    monkeypatch.setattr(Message, "page", lambda *a: pytest.fail("asked MongoDB"))
    assert messages.get_recent(world.channel) == []

    post(world, "first", 1)

    assert [m["text"] for m in messages.get_recent(world.channel)] == ["first"]


def test_the_list_keeps_the_newest_fifty(world):
    messages.get_recent(world.channel)
    for n in range(60):
        post(world, f"m{n}", n)

    cached = redis.call(lambda r: r.lrange(f"cache:messages:recent:{world.channel}", 0, -1))
    assert [json.loads(text)["seq"] for text in cached] == list(range(11, 61))


def test_a_list_that_long_messages_made_shorter_is_read_from_redis(world, monkeypatch):
    for n in range(30):
        post(world, f"{n} " + "long " * 1500, n)
    messages.get_recent(world.channel)
    copies.clear()
    monkeypatch.setattr(Message, "page", lambda *a: pytest.fail("asked MongoDB"))

    found = messages.get_recent(world.channel)

    assert 5 < len(found) < 30
    assert found[-1]["seq"] == 30


def test_a_deleted_text_is_in_no_key_afterwards(world):
    message = post(world, "zebra-secret", 1)
    messages.get_recent(world.channel)

    message_service.delete(world.owner, message["id"])
    messages.get_recent(world.channel)

    for key in redis.call(lambda r: r.keys("cache:messages:*")):
        assert "zebra" not in "".join(redis.call(lambda r, k=key: r.lrange(k, 0, -1)))


def test_a_value_is_not_trusted_when_its_writer_died(world):
    """The writer stored its change and died before the end: the cached value must not live on."""
    users.get_profile(world.owner.id)
    key = f"cache:users:profile:{world.owner.id}"
    write = fence_writes.begin(key)
    User.objects(id=world.owner.id).update_one(set__status="new")
    age(key, write, fence.TRUSTED_MS + 1)

    assert users.get_profile(world.owner.id)["status"] == "new"


def test_a_value_is_not_trusted_when_the_clock_was_put_back_since_its_writer_began(world):
    users.get_profile(world.owner.id)
    key = f"cache:users:profile:{world.owner.id}"
    write = fence_writes.begin(key)
    User.objects(id=world.owner.id).update_one(set__status="new")
    age(key, write, -3_600_000)

    assert users.get_profile(world.owner.id)["status"] == "new"


def test_a_write_that_found_no_free_connection_is_seen_all_the_same(world):
    channels.get(world.channel)
    pool = redis.kept.client.connection_pool
    taken = [pool.get_connection() for _ in range(pool.max_connections)]

    Channel.change(world.channel, set__topic="new")

    for connection in taken:
        pool.release(connection)
    assert channels.get(world.channel)["topic"] == "new"


def test_nothing_is_filled_while_a_write_is_under_way(world):
    key = f"cache:users:profile:{world.owner.id}"
    cold(key)
    fence_writes.begin(key)

    users.get_profile(world.owner.id)

    assert redis.call(lambda r: r.exists(key)) == 0


def test_a_write_that_never_ends_is_forgotten(world):
    key = f"cache:users:profile:{world.owner.id}"
    write = fence_writes.begin(key)
    age(key, write, fence.LEASE_MS + 1)

    users.get_profile(world.owner.id)

    assert redis.call(lambda r: r.exists(key)) == 1


def test_a_refused_write_leaves_the_cache_as_it_was(world):
    users.get_profile(world.owner.id)
    Membership.add(world.channel, world.owner.id)
    key = f"cache:channel:users:{world.channel}"
    members.get_members(world.channel)

    assert Membership.add(world.channel, world.owner.id) is False

    assert redis.call(lambda r: r.exists(key)) == 1
    assert redis.call(lambda r: r.zcard(f"w:{{{key}}}")) == 0


@pytest.mark.parametrize("share", [0, 50, 100])
def test_an_outsider_is_one_whatever_share_of_the_traffic_uses_the_cache(world, app, share):
    private = channel_service.create(world.owner, "Private", kind="private")["id"]
    before = dict(app.config)
    for feature in ("USERS", "CHANNELS", "CHANNEL_USERS", "MESSAGES"):
        app.config[f"ROLLOUT_{feature}"] = share
    try:
        for subject in range(20):
            g.subject = str(subject)
            assert members.is_member(private, world.owner.id) is True
            assert members.is_member(private, world.other.id) is False
            assert permissions.get_channel_for(world.owner, private)["name"] == "Private"
            with pytest.raises(NotFound):
                permissions.get_channel_for(world.other, private)
    finally:
        app.config.update(before)


def test_a_post_that_overtakes_an_edit_does_not_hide_it(world, monkeypatch):
    """The edit is stored but not ended; a page made now must not claim to show the post's rev."""
    first = post(world, "old", 1)
    messages.get_recent(world.channel)
    stored = Message._get_collection().find_one_and_update
    seen = []

    def overtaken(self, *args, **kw):
        row = stored(*args, **kw)
        base.NUMBERS.forget(row["channel"])
        # Another process posts while this one has not ended its edit.
        monkeypatch.setattr("chat.models.message_insert.lock", lambda channel: BoundedSemaphore())
        post(world, "new", 2)
        seen.append(message_service.newest(world.other, world.channel))
        return row

    collection = type(Message._get_collection())
    monkeypatch.setattr(collection, "find_one_and_update", overtaken)
    edited = message_service.edit(world.owner, first["id"], "edited")

    rows, _more, rev = seen[0]
    assert rev < edited["rev"] or [m["text"] for m in rows] == ["edited", "new"]


def test_every_fill_has_a_lifetime(world):
    post(world, "one", 1)
    users.get_profiles([world.owner.id, world.other.id])
    users.list_recent(10, None)
    messages.get_recent(world.channel)
    channel_service.list_for(world.owner)

    for key in redis.call(lambda r: r.keys("*")):
        assert redis.call(lambda r, k=key: r.ttl(k)) > 0 or key == mark.KEY, key


def age(key, write, ms):
    """Make a write under way look older."""
    redis.call(lambda r: r.zincrby(f"w:{{{key}}}", -ms, write.writer))


def test_emoji_counts_overtaken_by_a_batch_are_not_filled_with_the_old_ones(world, monkeypatch):
    emoji.note("👍👍")
    emoji.flush()
    cold("cache:emoji:classics")
    original = EmojiUse.counts.__func__
    passed = []

    def overtaken(cls, only=None):
        found = original(cls, only)
        if not passed:
            passed.append(True)
            emoji.note("👍")
            emoji.flush()
        return found

    monkeypatch.setattr(EmojiUse, "counts", classmethod(overtaken))
    emoji.counts()

    assert passed
    assert emoji.counts() == [{"emoji": "👍", "count": 3}]


def test_emoji_counts_that_are_cached_follow_each_batch(world, monkeypatch):
    emoji.note("🎉")
    emoji.flush()
    assert emoji.counts() == [{"emoji": "🎉", "count": 1}]
    emoji.note("🎉👍")
    emoji.flush()

    cached = redis.call(lambda r: r.hgetall("cache:emoji:classics"))

    assert cached == {"🎉": "2", "👍": "1"}
