"""While Redis hangs, the time that a request waits for it is limited."""

import re
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from flask import Flask

from app import create_app
from chat import models
from chat.embedded.mongo import Mongo
from chat.redis import DOWN, deadline, recovery, timeouts
from chat.redis.client import Door, redis
from chat.redis_schema import keys
from chat.request.concurrency import turns
from chat.telemetry import registry
from tests.support.people import CSRF
from tests.support.processes import SECRET_KEY, new_database
from tests.support.proxy import Line
from tests.support.servers import Redis
from tests.support.waiting import eventually


def test_while_redis_hangs_each_call_ends_by_its_own_limit(own_redis: Redis) -> None:
    app = Flask("door")
    app.config.update(REDIS_URL=own_redis.url, TESTING=True)
    door = Door()
    door.init_app(app)
    door.check()
    answers: list[Any] = []
    waiters = [
        threading.Thread(target=lambda: answers.append(door.call(lambda r: r.get("x"))))
        for _ in range(5)
    ]
    with own_redis.hung():
        for waiter in waiters:
            waiter.start()
        eventually(lambda: answers == [DOWN] * 5)
    for waiter in waiters:
        waiter.join()


SLOW = 0.12  # seconds each way: one answer takes all the patience that a request has


@pytest.fixture
def world(
    own_redis: Redis, mongod: Mongo, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimpleNamespace]:
    """A signed-in person, and a line to Redis that is slow but never too slow for one call."""
    monkeypatch.setattr(timeouts, "READ_TIMEOUT", 600)
    monkeypatch.setattr(timeouts, "CONNECT_TIMEOUT", 600)
    line = Line(own_redis.port)
    address = {"REDIS_URL": f"redis://127.0.0.1:{line.port}/0",
               "MONGODB_URI": new_database(mongod.uri)}  # fmt: skip
    app = create_app({"TESTING": True, "SECRET_KEY": SECRET_KEY, **address})
    with app.app_context():
        models.ensure_indexes()
    browser = app.test_client()
    person = {"nickname": "olga", "password": "a long password", "site_name": "Site"}
    person["csrf_token"] = _found(CSRF, browser.get("/setup").text)
    assert browser.post("/setup", data=person).status_code == 303
    csrf = {"X-CSRFToken": _found(CSRF, browser.get("/settings").text)}
    yield SimpleNamespace(browser=browser, csrf=csrf, line=line)
    line.delay = 0
    redis.close()
    line.close()


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    assert match
    return match[1]


def _round_trips() -> int:
    return int(sum(sum(row[:-1]) for row in registry.REDIS_CALLS.values.values()))


def _left_out() -> int:
    return int(registry.FALLBACKS.values["slow",])


def test_a_request_that_has_waited_for_redis_long_enough_asks_mongodb_for_the_rest(
    world: SimpleNamespace,
) -> None:
    channel = world.browser.get("/api/channels").json["channels"][0]["id"]
    place = f"/api/channels/{channel}/messages"
    assert world.browser.get(place).status_code == 200
    redis.call(recovery.flush)  # of cold caches a request asks, and fills them, again and again
    world.line.delay = SLOW
    asked, left_out = _round_trips(), _left_out()
    assert world.browser.get(place).json["messages"] == []
    assert _round_trips() - asked == 1
    assert _left_out() > left_out
    assert redis.is_up()


def test_the_next_request_is_as_patient_as_any(world: SimpleNamespace) -> None:
    world.line.delay = SLOW
    left_out = _left_out()
    assert world.browser.get("/api/users").status_code == 200
    assert _left_out() > left_out
    assert not deadline.is_at_end()


def test_a_write_is_told_to_redis_however_long_its_request_has_waited(
    world: SimpleNamespace,
) -> None:
    me = world.browser.get("/api/me").json["id"]
    kept = lambda: redis.call(lambda client: client.get(keys.profile(me)))  # noqa: E731
    assert '"status":""' in kept()
    world.line.delay = SLOW
    left_out = _left_out()
    changed = world.browser.patch("/api/me", json={"status": "at lunch"}, headers=world.csrf)
    assert changed.status_code == 200
    assert _left_out() > left_out
    world.line.delay = 0
    assert redis.is_up()
    assert '"status":"at lunch"' in kept()


def test_who_comes_late_to_fetch_an_answer_has_not_waited_for_redis() -> None:
    """As where other requests keep the process busy: asking MongoDB would make it busier."""
    with socket.create_server(("127.0.0.1", 0)) as listener, turns.taken():
        with socket.create_connection(listener.getsockname()) as near, listener.accept()[0] as far:
            far.sendall(b"+PONG")
            eventually(lambda: deadline._lay_there(near) > deadline.PATIENCE)
            deadline.wait_was(deadline._lay_there(near), near)
            assert not deadline.is_at_end()
            deadline.wait_was(deadline._lay_there(near) + deadline.PATIENCE + 0.1, near)
            assert deadline.is_at_end()
        deadline.renew()


def test_of_what_is_asked_of_several_nodes_at_once_the_longest_wait_counts() -> None:
    def ask(share: float) -> None:
        others = [gevent.spawn(deadline.spend, share * deadline.PATIENCE) for _ in range(2)]
        with deadline.beside(others):
            gevent.joinall(others)

    with turns.taken():
        ask(0.6)
        assert not deadline.is_at_end()
        ask(0.6)
        assert deadline.is_at_end()
    deadline.renew()
