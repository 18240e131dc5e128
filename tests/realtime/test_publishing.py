"""Messages to other processes leave through an outbox: nobody waits for Redis."""

import socket as blocking
from collections.abc import Iterator

import gevent
import pytest
import redis.connection
from flask import Flask
from gevent import socket

from chat.redis import timeouts
from chat.redis.client import Door
from chat.redis.publisher import Publisher
from tests.support.servers import Redis

NEVER = 600  # seconds; far longer than the test
GUARD = 60
MANY = 100


@pytest.fixture
def publisher(own_redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """As in a process of the app: others go on while it waits. It would wait for ever."""
    assert redis.connection.socket is blocking
    monkeypatch.setattr(redis.connection, "socket", socket)
    for name in ("READ_TIMEOUT", "CONNECT_TIMEOUT"):
        monkeypatch.setattr(timeouts, name, NEVER)
    app = Flask("door")
    app.config.update(REDIS_URL=own_redis.url, TESTING=True)
    door = Door()
    door.init_app(app)
    assert door.check()
    made = Publisher(door)
    yield made
    made.stop()
    door.close()


def until(condition) -> None:
    """Let the outbox work until this is so."""
    while not condition():
        gevent.sleep(0.005)


def test_while_redis_hangs_publishing_waits_for_nothing_and_later_all_of_it_leaves_in_order(
    publisher: Publisher, own_redis: Redis
) -> None:
    heard = own_redis.client().pubsub(ignore_subscribe_messages=True)
    heard.subscribe("updates:test")
    assert heard.get_message(timeout=GUARD) is None  # subscribed
    with gevent.Timeout(GUARD):
        assert publisher.publish("updates:test", "before")
        until(lambda: publisher.sent == 1)
        with own_redis.hung():
            # One is on its way and stays there, as the first post of an outage does.
            assert publisher.publish("updates:test", "first")
            until(lambda: publisher.waiting() == 0)
            for number in range(MANY):
                assert publisher.publish("updates:test", str(number))
            assert (publisher.waiting(), publisher.sent) == (MANY, 1)
        until(lambda: publisher.sent == 2 + MANY)
    assert publisher.dropped == 0
    said = [heard.get_message(timeout=GUARD)["data"] for _ in range(2 + MANY)]
    assert said == ["before", "first", *map(str, range(MANY))]
