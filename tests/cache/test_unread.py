"""Unread counts and last_seq from Redis equal those of MongoDB after every kind of change."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect

from chat.cache import unread, unread_tail
from chat.models import Membership, message_insert
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.services import messages
from tests.support.effort import examples

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(0, 1)),
        st.tuples(st.just("answer"), st.integers(0, 1)),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("read"), st.integers(0, 1), st.integers(0, 30)),
        st.tuples(st.just("evict"), st.sampled_from(["tail", "marks"])),
    ),
    max_size=25,
)


@settings(
    max_examples=examples(30),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_unread_agrees_with_mongodb_after_every_step(world, steps):
    people, posted = [world.owner, world.other], []
    for number, step in enumerate(steps):
        take(world, people, posted, number, step)
        for person in people:
            assert unread.get_reading(person.id) == Membership.reading_of(person.id)


def take(world, people, posted, number, step):
    """One thing that may happen."""
    match step:
        case "post", who:
            client_id = f"{id(posted):x}-{number:08}"
            posted.append(messages.post(people[who], world.channel, "hello", client_id)[0])
        case "answer", who if posted:  # outside the stream
            author, client_id = people[who], f"{id(posted):x}-{number:08}"
            message_insert.post(
                world.channel, author.id, "Ann", "hello", "", client_id, thread=posted[0]["id"]
            )
        case "delete", which if posted:
            message = posted.pop(which % len(posted))
            author = next(p for p in people if p.id == message["author"]["id"])
            messages.delete(author, message["id"])
        case "read", who, seq:
            messages.mark_read(people[who], world.channel, seq)
        case "evict", what:
            names = {"tail": keys.tail(world.channel), "marks": keys.marks(world.other.id)}
            redis.call(lambda r: r.delete(names[what]))


def test_more_unread_than_the_tail_remembers_is_a_hundred(world):
    for n in range(unread_tail.MOST + 30):
        messages.post(world.owner, world.channel, "hello", f"client-{n:05}")

    assert unread.get_reading(world.other.id)[world.channel]["unread"] == 100
    assert unread.get_reading(world.owner.id)[world.channel]["unread"] == 0


def test_a_mark_whose_move_was_cut_short_is_read_anew(world, monkeypatch):
    """It was stored, nobody was told; whoever says it again moves nothing and is acknowledged."""
    messages.post(world.owner, world.channel, "hello", "client-00001")
    assert unread.get_reading(world.other.id)[world.channel]["unread"] == 1
    store = Collection.update_one

    def cut(self, *args, **kw):
        store(self, *args, **kw)
        raise AutoReconnect("the line was cut")

    with monkeypatch.context() as while_cut:
        while_cut.setattr(Collection, "update_one", cut)
        with pytest.raises(AutoReconnect):
            messages.mark_read(world.other, world.channel, 1)

    assert messages.mark_read(world.other, world.channel, 1) == 0
    assert unread.get_reading(world.other.id) == Membership.reading_of(world.other.id)


def test_a_stranger_has_read_nothing(world):
    assert unread.get_reading(str(world.channel)) == {}


@pytest.mark.parametrize("share", [0, 50])
def test_unread_is_the_same_without_the_cache(world, app, monkeypatch, share):
    messages.post(world.owner, world.channel, "hello", "client-00001")
    monkeypatch.setitem(app.config, "ROLLOUT_MESSAGES", share)
    assert unread.get_reading(world.other.id)[world.channel]["unread"] == 1
    stranger = SimpleNamespace(id=world.channel)
    assert unread.get_reading(stranger.id) == {}
