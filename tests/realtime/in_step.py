"""Presence of several processes without sockets: real Redis, and the events of each process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from app import create_app
from chat.presence import online_set
from chat.presence.connections import Holder
from chat.realtime.outgoing import broadcasts
from chat.redis.client import redis
from tests.support.emptied import empty_redis
from tests.support.processes import SECRET_KEY


class Emitted:
    """Stands where the socket server is, and keeps what is emitted."""

    def __init__(self) -> None:
        self.presence: list[dict[str, Any]] = []

    def emit(self, event: str, data: dict[str, Any], **to: Any) -> None:
        assert event == "presence"
        self.presence.append(data)

    @property
    def size(self) -> int:
        return len(json.dumps(self.presence))

    @property
    def greeting(self) -> dict[str, Any]:
        return next(data for data in reversed(self.presence) if data.get("greeting"))

    @property
    def gone(self) -> list[str]:
        return [who for data in self.presence for who in data["offline"]]


@contextmanager
def app_without_sockets(redis_url: str, mongodb_uri: str) -> Iterator[Flask]:
    """An app on this Redis, emptied, whose presence loop nobody runs but the test."""
    places = {"MONGODB_URI": mongodb_uri, "REDIS_URL": redis_url}
    app = create_app({"TESTING": True, "SECRET_KEY": SECRET_KEY, **places})
    with app.app_context():
        empty_redis()
        yield app
        redis.close()


def process(lease: float = 600) -> Holder:
    """One that is in step and will not beat, reap or recount for long."""
    holder = Holder(broadcasts, lease)
    holder.tick()
    return holder


def last_number() -> int:
    """What a page that is rendered now knows."""
    picture = online_set.everybody.read()
    return picture.seq if isinstance(picture, online_set.Picture) else 0


def watch(monkeypatch: pytest.MonkeyPatch) -> Emitted:
    emitted = Emitted()
    monkeypatch.setattr(broadcasts.socketio, "server", emitted)
    return emitted
