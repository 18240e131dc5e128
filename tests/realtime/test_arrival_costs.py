"""What a tab that comes back costs: a fixed number of round trips to Redis, and MongoDB nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
import pytest
from redis.exceptions import ConnectionError as Gone

from chat.embedded.mongo import Mongo
from chat.redis.mark import KEY as MARK
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.servers import Redis
from tests.support.tabs import Tab
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs_redis

ARRIVAL = 2  # session, account and memberships; then what is checked and the newest number
READ_BY_PEOPLE = ("sessions", "users", "channels", "memberships", "messages")


class Trips:
    """The round trips of requests and events to one Redis: each ends with a look at our mark."""

    def __init__(self, server: Redis) -> None:
        self.heard: list[tuple[str, str]] = []  # (connection, command)
        self._client = server.client()
        self._monitor = self._client.monitor()

    def __enter__(self) -> "Trips":
        self._monitor.__enter__()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._monitor.connection.disconnect()

    def _listen(self) -> None:
        try:
            for said in self._monitor.listen():
                who = f"{said['client_address']}:{said['client_port']}"
                if said["client_type"] != "lua":
                    self.heard.append((who, said["command"]))
        except (Gone, OSError, ValueError, AttributeError):
            pass  # it is over

    def made(self) -> list[str]:
        """Those up to now, without those of presence: it asks for all newcomers together."""
        over = f"over {len(self.heard)}"
        self._client.echo(over)
        eventually(lambda: any(over in command for _, command in self.heard))
        under_way: dict[str, list[str]] = {}
        trips = []
        for who, command in list(self.heard):
            under_way.setdefault(who, []).append(command)
            if command.startswith("HGET") and MARK in command:
                trips.append(" ".join(under_way.pop(who)))
        return [trip for trip in trips if "EVALSHA" in trip and "presence" not in trip]


class Place:
    """An app, a member of one of its channels, and what both stores are asked."""

    def __init__(self, app: AppProcess, redis: Redis, mongod: Mongo) -> None:
        self.app, self.redis = app, redis
        self.owner = Person(app.url, "olga").set_up()
        self.member = Person(app.url, "boris").register(self.owner.invite())
        self.channel = self.owner.new_channel()
        assert self.member.post(f"/api/channels/{self.channel['id']}/join", {}).ok
        self.last = self.owner.say(self.channel, "hello")
        self.database = pymongo.MongoClient[dict[str, Any]](
            app.env["MONGODB_URI"]
        ).get_default_database()

    @contextmanager
    def asked(self) -> Iterator[list[str]]:
        """The collections that were asked for, when the block is over."""
        found: list[str] = []
        self.database.command("profile", 2)
        try:
            yield found
        finally:
            self.database.command("profile", 0)
            for row in self.database["system.profile"].find():
                found.append(row["ns"].partition(".")[2])
            self.database["system.profile"].drop()

    def arrive(self, rev: int) -> tuple[Tab, dict[str, Any]]:
        tab = Tab(self.app.url, self.member.cookie, self.member.csrf)
        return tab, tab.ask("channel:open", channel=self.channel["id"], after=0, rev=rev)


@pytest.fixture
def place(launch_app: Launcher, mongod: Mongo) -> Place:
    app = launch_app()
    return Place(app, launch_app.redis[-1], mongod)


def test_who_comes_back_with_the_newest_number_costs_mongodb_nothing(place: Place) -> None:
    rev = place.last["rev"]
    place.arrive(rev)[0].close()
    # Nobody has read here for long: what is cached of the messages has expired.
    client = place.redis.client()
    for name in client.scan_iter("*cache:messages:*"):
        if "{" not in name:
            client.delete(name)
    with place.asked() as collections, Trips(place.redis) as trips:
        tab, answer = place.arrive(rev)
        made = trips.made()
    assert answer == {"ok": True, "messages": [], "more": False, "rev": rev}
    assert not set(READ_BY_PEOPLE) & set(collections)
    assert len(made) == ARRIVAL, made
    tab.close()


def test_so_does_whoever_comes_right_after_a_post(place: Place) -> None:
    place.arrive(place.last["rev"])[0].close()
    newest = place.owner.say(place.channel, "news")
    with place.asked() as collections:
        tab, answer = place.arrive(newest["rev"])
    assert answer["messages"] == []
    assert "messages" not in collections
    tab.close()


def test_whoever_missed_something_is_told_and_who_missed_the_same_costs_nothing_more(
    place: Place,
) -> None:
    missed = place.owner.say(place.channel, "missed")
    for is_first in (True, False):
        with place.asked() as collections:
            tab, answer = place.arrive(place.last["rev"])
        told = [row["message"]["text"] for row in answer["messages"]]
        assert told == ["missed"]
        assert answer["rev"] == missed["rev"]
        assert ("messages" in collections) == is_first
        tab.close()


def test_an_edit_of_a_message_that_is_in_no_list_any_more_is_told(place: Place) -> None:
    for number in range(55):
        newest = place.owner.say(place.channel, f"later {number}")
    assert place.owner.get(f"/api/channels/{place.channel['id']}/messages").ok
    changed = place.owner.patch(f"/api/messages/{place.last['id']}", {"text": "hello again"})
    assert changed.ok
    tab, answer = place.arrive(newest["rev"])
    assert [row["message"]["text"] for row in answer["messages"]] == ["hello again"]
    tab.close()


def test_a_number_that_nobody_has_given_is_nobody_elses_newest_one(place: Place) -> None:
    for name in place.redis.client().scan_iter("*v:{*messages*"):
        place.redis.client().delete(name)
    tab, answer = place.arrive(10**9)
    assert answer["messages"] == []
    tab.close()
    newest = place.owner.say(place.channel, "news")
    tab, answer = place.arrive(place.last["rev"])
    assert [row["message"]["rev"] for row in answer["messages"]] == [newest["rev"]]
    tab.close()
