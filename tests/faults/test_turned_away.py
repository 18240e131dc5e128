"""A process stops using a Redis that still answers: no process uses its contents any more."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chat.embedded.mongo import Mongo
from chat.redis_schema import keys
from tests.faults.test_partial_outage import LIFETIMES
from tests.support.people import Person
from tests.support.processes import Launcher
from tests.support.waiting import eventually


class Pair:
    """Two processes on one Redis: people write at ``here`` and read at ``there``."""

    def __init__(self, launch_app: Launcher) -> None:
        here = launch_app(**LIFETIMES)
        there = launch_app(beside=here, **LIFETIMES)
        self.redis: Any = launch_app.redis[0].client()
        self.owner = Person(here.url).set_up()
        self.reader = self.owner.at(there.url)
        self.channel, self.cold = (self.owner.new_channel() for _ in range(2))
        self.page = f"/channels/{self.channel['slug']}"
        self.message = self.owner.say(self.channel, "first")

    def history(self, channel: dict[str, Any]) -> str:
        return f"/api/channels/{channel['id']}/messages"

    def is_warm(self) -> bool:
        """Both answer from Redis, and have done so before."""
        people = (self.owner, self.reader)
        pages = [person.get(self.page) for person in people]
        asked = [person.get(self.history(self.channel)) for person in people]
        return all(page.ok for page in pages) and all(
            answer.headers.get("X-Cache") == "hit" for answer in asked
        )

    def shows_there(self, text: str, on_a_page: bool) -> bool:
        """Each way to ask writes something that Redis may refuse in its own cases: a page who is
        there, a call how often that person called."""
        path = self.page if on_a_page else self.history(self.channel)
        return text in self.reader.get(path).text

    def edit(self, text: str) -> None:
        assert self.owner.patch(f"/api/messages/{self.message['id']}", {"text": text}).ok

    def stumble(self) -> None:
        """``here`` fills something, for which it has to write to Redis."""
        key = keys.recent_messages(self.cold["id"])
        self.redis.delete(key, f"v:{{{key}}}")
        self.owner.get(self.history(self.cold))

    def close(self) -> None:
        self.owner.close()
        self.reader.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, mongod: Mongo) -> Iterator[Pair]:
    launcher = Launcher(tmp_path_factory.mktemp("pair"), mongod.uri)
    pair = Pair(launcher)
    yield pair
    pair.close()
    launcher.close()


@pytest.fixture
def pair(made: Pair) -> Iterator[Pair]:
    eventually(made.is_warm)
    yield made
    healed(made)


def full(pair: Pair) -> None:
    pair.redis.config_set("maxmemory-policy", "noeviction")
    pair.redis.config_set("maxmemory", "1")
    pair.stumble()


def other_type(pair: Pair) -> None:
    pair.redis.set(keys.presence("count"), "x")
    pair.owner.tab().greeted().close()


def right_taken(pair: Pair) -> None:
    pair.redis.execute_command("ACL", "SETUSER", "default", "-zadd")


def no_writes(pair: Pair) -> None:
    """Not even a deletion: too few replicas."""
    pair.redis.config_set("min-replicas-to-write", 1)


def healed(pair: Pair) -> None:
    pair.redis.config_set("maxmemory", "0")
    pair.redis.config_set("min-replicas-to-write", 0)
    pair.redis.execute_command("ACL", "SETUSER", "default", "+@all")


@pytest.mark.parametrize(
    ("spoil", "on_a_page"),
    [(full, False), (right_taken, False), (other_type, True), (no_writes, True)],
)
def test_what_is_stored_past_a_redis_that_answers_is_seen_at_once_elsewhere(
    pair: Pair, spoil: Callable[[Pair], None], on_a_page: bool
) -> None:
    spoil(pair)
    pair.edit(text := f"past {spoil.__name__}")
    assert pair.shows_there(text, on_a_page)
    healed(pair)
    eventually(pair.is_warm)
    assert pair.shows_there(text, on_a_page)


def test_a_session_that_ends_past_a_redis_that_answers_is_dead_at_once_elsewhere(
    pair: Pair,
) -> None:
    leaving = pair.owner.again()
    left = leaving.at(pair.reader.url)
    assert left.get("/api/me").ok
    full(pair)
    leaving.logout()
    assert left.get("/api/me").status_code == 401
    for person in (leaving, left):
        person.close()


def test_other_sessions_that_end_past_a_redis_that_answers_are_dead_at_once_elsewhere(
    pair: Pair,
) -> None:
    other = pair.owner.again()
    there = other.at(pair.reader.url)
    assert there.get("/api/me").ok
    full(pair)
    assert pair.owner.post_form("/settings/sessions/end").status_code == 303
    assert there.get("/api/me").status_code == 401
    for person in (other, there):
        person.close()
