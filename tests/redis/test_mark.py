"""Redis is trusted only while our mark shows the same database in the same state."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from chat.redis import DOWN, mark, recovery
from chat.redis.client import Door
from tests.redis.test_client import door_to
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.servers import Redis
from tests.support.waiting import eventually

ASK = "return redis.call('GET', KEYS[1])"
OFTEN = 300
OTHER = 9  # a database that nobody uses


@pytest.fixture
def door(own_redis: Redis):
    made = door_to(own_redis.url)
    made.watched = True  # it recovers when the test says so
    assert made.check()
    yield made
    made.close()


def asked(door: Door) -> Any:
    return door.run(ASK, ["cache:site"], [], "test")


def comes_back(door: Door) -> None:
    door.breaker.hurry()
    assert door.check()


def swap(redis: Redis) -> None:
    redis.client().execute_command("SWAPDB", 0, OTHER)


def saved(client: Any) -> dict[bytes, tuple[int, bytes]]:
    raw = _raw(client)
    return {name: (max(0, raw.pttl(name)), raw.dump(name)) for name in raw.keys("*")}


def restore(client: Any, kept: dict[bytes, tuple[int, bytes]]) -> None:
    """The whole state at once, as from an old snapshot."""
    pipe = _raw(client).pipeline(transaction=True)
    pipe.flushdb()
    for name, (ttl, value) in kept.items():
        pipe.restore(name, ttl, value)
    pipe.execute()


def _raw(client: Any) -> Any:
    options = {**client.connection_pool.connection_kwargs, "decode_responses": False}
    return type(client)(connection_pool=type(client.connection_pool)(**options))


def test_a_database_that_took_the_place_of_ours_is_not_believed_for_one_answer(
    door: Door, own_redis: Redis
):
    door.call(lambda r: r.set("cache:site", "before"))
    swap(own_redis)
    own_redis.client().set("cache:site", "of another database")
    assert asked(door) is DOWN  # on a connection that has been open all the time
    assert door.state()["reason"] == "other_data"
    comes_back(door)
    assert asked(door) is None
    door.call(lambda r: r.set("cache:site", "after"))

    swap(own_redis)  # and back

    assert asked(door) is DOWN
    comes_back(door)
    assert asked(door) is None


def test_what_comes_back_from_an_old_snapshot_is_not_believed(door: Door, own_redis: Redis):
    client = own_redis.client()
    door.call(lambda r: r.set("cache:site", "old"))
    kept = saved(client)
    assert door.check()
    door.call(lambda r: r.set("cache:site", "new"))
    restore(client, kept)
    assert client.get("cache:site") == "old"
    assert not door.check()  # the mark is the same, and has beaten less
    comes_back(door)
    assert asked(door) is None


def test_a_new_connection_to_an_old_state_is_noticed_at_once(door: Door, own_redis: Redis):
    client = own_redis.client()
    kept = saved(client)
    assert door.check()
    restore(client, kept)
    door.call(lambda r: r.connection_pool.disconnect())
    assert door.call(lambda r: r.get("cache:site")) is DOWN
    assert door.state()["reason"] == "other_data"


def test_a_redis_that_has_lost_everything_is_marked_again(door: Door, own_redis: Redis):
    client = own_redis.client()
    first = client.hget(mark.KEY, "epoch")
    client.flushall()
    assert asked(door) is DOWN
    comes_back(door)
    assert client.hget(mark.KEY, "epoch") not in (None, first)
    assert asked(door) is None


def test_two_processes_that_start_at_once_on_an_empty_database_agree(
    own_redis: Redis, caplog: pytest.LogCaptureFixture
):
    client = own_redis.client()
    door = door_to(own_redis.url)

    def another_is_first() -> bool:
        client.hsetnx(mark.KEY, "epoch", "of another process")
        return True

    door.before_recovery(another_is_first)
    assert door.check()
    assert door.kept.mark.now.epoch == "of another process"
    assert caplog.records == []


def test_a_mark_that_is_taken_away_during_a_recovery_does_not_come_back(
    door: Door, own_redis: Redis
):
    client = own_redis.client()
    first = client.hget(mark.KEY, "epoch")
    door.before_recovery(lambda: client.hdel(mark.KEY, "epoch") or True)
    door.suspect("a test")
    comes_back(door)
    assert client.hget(mark.KEY, "epoch") not in (None, first)


@pytest.mark.parametrize("spoil", ["text", "no number", "too great"])
def test_a_mark_that_somebody_overwrote_is_made_anew(door: Door, own_redis: Redis, spoil: str):
    client = own_redis.client()
    if spoil == "text":
        client.set(mark.KEY, "x")
    else:
        client.hset(mark.KEY, "beat", "x" if spoil == "no number" else str(2**63 - 1))
    door._strict = False  # in tests the find is raised
    door.check()
    eventually(lambda: door.breaker.hurry() or door.check())
    assert client.type(mark.KEY) == "hash"
    assert int(client.hget(mark.KEY, "beat")) < 1000


def look(door: Door) -> None:
    door.check()


def come_on_a_new_connection(door: Door) -> None:
    door.call(lambda r: r.connection_pool.disconnect(inuse_connections=False))
    door.call(lambda r: r.get("cache:site"))


def often(do: Callable[[Door], None], door: Door) -> None:
    for _ in range(OFTEN):
        do(door)


@pytest.mark.parametrize("do", [look, come_on_a_new_connection])
def test_an_answer_that_lies_there_while_another_look_raises_the_beat_is_believed(
    door: Door, caplog: pytest.LogCaptureFixture, do: Callable[[Door], None]
):
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(often, one, door) for one in (look, do)]:
            done.result()
    assert door.is_up()
    assert caplog.messages == []


def test_two_processes_keep_the_same_mark(door: Door, own_redis: Redis):
    other = door_to(own_redis.url)
    for _ in range(3):
        assert other.check()
        assert door.check()
    assert other.kept.mark.now.epoch == door.kept.mark.now.epoch
    other.close()


def test_what_an_earlier_version_left_is_said_and_taken_out_once(
    own_redis: Redis, caplog: pytest.LogCaptureFixture
):
    client = own_redis.client()
    client.set("cache:site", "unmarked")
    client.set("v:{cache:site}", "token")
    client.set("cache:theirs", "x")
    client.set("session:abc", "x")
    with caplog.at_level(logging.INFO, "chat"):
        for _ in range(2):
            door = door_to(own_redis.url)
            assert door.check()
            door.close()
    assert [record.getMessage() for record in caplog.records] == [recovery.UNMARKED % 2]
    assert sorted(client.keys("*")) == sorted(["cache:theirs", "session:abc", mark.KEY])


def test_an_empty_database_is_marked_without_a_word(
    own_redis: Redis, caplog: pytest.LogCaptureFixture
):
    own_redis.client().set("cache:theirs", "x")
    assert door_to(own_redis.url).check()
    assert caplog.records == []


def health(app: AppProcess) -> str:
    return str(requests.get(f"{app.url}/health/redis", timeout=10).json()["status"])


@pytest.mark.needs_redis
def test_nobody_reads_old_words_and_no_ended_session_is_let_in_after_swapdb(launch_app: Launcher):
    one = launch_app()
    two = launch_app(beside=one)
    redis = launch_app.redis[0]
    alice = Person(one.url, "alice").set_up()
    bob = Person(two.url, "bob").register(alice.invite())
    room = alice.new_channel()
    assert bob.post(f"/api/channels/{room['id']}/join").ok
    path = f"/api/channels/{room['id']}/messages"
    said = [alice.say(room, f"word {number}") for number in range(5)]
    leaving = bob.again(two.url)

    def texts(person: Person) -> list[str]:
        return [message["text"] for message in person.get(path).json()["messages"]]

    def all_up() -> bool:
        return health(one) == health(two) == "up"

    for turn in range(2):
        for _ in range(2):  # warm
            assert texts(alice) == texts(bob)
        assert leaving.get("/api/me").ok
        swap(redis)
        if turn == 0:
            leaving.logout()
        for message in said:
            word = f"{message['id']} in turn {turn}"
            assert alice.patch(f"/api/messages/{message['id']}", {"text": word}).ok
            assert word in texts(alice)
            assert word in texts(bob)
        swap(redis)  # away and back within a moment
        for person in (alice, bob):
            read = texts(person)
            assert all(f"{message['id']} in turn {turn}" in read for message in said), read
        if turn == 0:
            assert leaving.get("/api/me").status_code == 401
            leaving = bob.again(one.url)
        eventually(all_up)
