"""A streamed body needs little memory, delays nobody, and counts only when complete."""

import hashlib
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from io import BytesIO

import psutil
import pytest
import requests

from chat.embedded.mongo import Mongo
from chat.request.concurrency import MOST as MOST_TURNS
from chat.web import request_body, streamed_body
from tests.support.people import Person
from tests.support.processes import AppProcess, new_database
from tests.support.servers import Redis
from tests.support.waiting import eventually
from tests.web.streaming import MOST, PATH

MB = 1_000_000


class Streaming(AppProcess):
    """The app with a route that takes long bodies."""

    command = (sys.executable, "-m", "gunicorn", "tests.web.streaming.wsgi:app")


@pytest.fixture(scope="module")
def person(
    mongod: Mongo, valkey: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Person, Streaming]]:
    places = {"MONGODB_URI": new_database(mongod.uri), "DISABLE_REDIS": "true"}
    app = Streaming(tmp_path_factory.mktemp("streaming"), **places).prepare().start()
    someone = Person(app.url).set_up()
    yield someone, app
    someone.close()
    app.kill()


def send(person: Person, body: bytes) -> requests.Response:
    headers = {"X-CSRFToken": person.csrf, "Content-Type": "application/octet-stream"}
    return person.session.post(person.url + PATH, data=body, headers=headers, timeout=60)


def begin(person: Person, length: int, sent: int) -> socket.socket:
    """A connection that has sent the beginning of its body."""
    host, port = person.url.removeprefix("http://").split(":")
    head = [
        f"POST {PATH} HTTP/1.1", f"Host: {host}:{port}", f"Cookie: {person.cookie}",
        f"X-CSRFToken: {person.csrf}", "Content-Type: application/octet-stream",
        f"Content-Length: {length}", "", "",
    ]  # fmt: skip
    line = socket.create_connection((host, int(port)), timeout=30)
    line.sendall("\r\n".join(head).encode() + b"x" * sent)
    return line


def taken(person: Person) -> list[str]:
    return list(person.get(PATH).json()["taken"])


def test_a_long_body_arrives_whole_and_is_never_in_memory(person: tuple[Person, Streaming]) -> None:
    someone, app = person
    worker = psutil.Process(app.workers()[0])
    send(someone, b"x" * MB)
    before = worker.memory_info().rss
    body = bytes(range(256)) * (40 * MB // 256)
    assert send(someone, body).json() == {"sha256": hashlib.sha256(body).hexdigest()}
    assert worker.memory_info().rss - before < 15 * MB


def test_a_body_that_is_too_long_is_refused(person: tuple[Person, Streaming]) -> None:
    someone, _app = person
    with begin(someone, MOST + 1, 10) as line:
        assert b" 413 " in line.makefile("rb").readline()


def test_half_a_body_counts_for_nothing(person: tuple[Person, Streaming]) -> None:
    someone, _app = person
    before = taken(someone)
    with begin(someone, MB, MB // 2) as line:
        line.shutdown(socket.SHUT_WR)
        assert b" 400 " in line.makefile("rb").readline()
    assert taken(someone) == before


def test_more_slow_senders_than_turns_hold_up_nobody(person: tuple[Person, Streaming]) -> None:
    someone, _app = person
    before = len(taken(someone))
    with ExitStack() as lines:
        slow = [lines.enter_context(begin(someone, MB, 1)) for _ in range(MOST_TURNS + 4)]
        assert someone.get("/settings").status_code == 200
        for line in slow:
            line.sendall(b"x" * (MB - 1))
        eventually(lambda: len(taken(someone)) == before + len(slow))


def test_one_address_sends_only_so_many_at_once() -> None:
    def body_of(address: str) -> AbstractContextManager[None]:
        environ = {"CONTENT_LENGTH": str(MB), "wsgi.input": BytesIO(), "REMOTE_ADDR": address}
        return streamed_body.held(environ, 0)

    with ExitStack() as bodies:
        for _ in range(streamed_body.MOST_OF_ONE):
            bodies.enter_context(body_of("10.0.0.1"))
        with pytest.raises(request_body.TooMany):
            bodies.enter_context(body_of("10.0.0.1"))
        bodies.enter_context(body_of("10.0.0.2"))
    with body_of("10.0.0.1"):
        pass
