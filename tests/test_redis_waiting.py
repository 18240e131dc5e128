"""How long people wait for Redis."""

import threading
from typing import Any

import pytest
from flask import Flask

from chat.redis import DOWN, connect
from chat.redis.client import Door
from tests.support.servers import Redis
from tests.support.waiting import eventually


def test_when_redis_is_given_up_nobody_goes_on_waiting_for_it(
    own_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "READ_TIMEOUT", 600)
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
        eventually(lambda: len(door._waiting) == 5)
        door.suspect("one had waited long enough")
        eventually(lambda: answers == [DOWN] * 5)
    for waiter in waiters:
        waiter.join()
