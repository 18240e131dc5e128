"""An answer is sent in one write, with the same bytes as gunicorn's own."""

import io
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi

from chat.web.gunicorn import Whole

OK = [("Content-Type", "text/plain"), ("Content-Length", "5")]
CHUNKED = [("Content-Type", "text/plain")]


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a line on which each write stays a message of its own."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ends[1].setblocking(False)
    yield ends
    for end in ends:
        end.close()


def written(kind: Any, line: Any, headers: list, parts: list[bytes], **request: Any) -> list[bytes]:
    asked = {"method": "GET", "version": (1, 1), "should_close": lambda: False, **request}
    response = kind(SimpleNamespace(**asked), line[0], Config())
    response.start_response("200 OK", headers)
    for part in parts:
        response.write(part)
    response.close()
    return heard(line[1])


def heard(end: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(end.recv(100_000))
        except BlockingIOError:
            return found


def test_head_and_body_are_one_write(line):
    assert len(written(Whole, line, OK, [b"hello"])) == 1


@pytest.mark.parametrize(
    ("headers", "parts", "request_"),
    [
        (OK, [b"hello"], {}),
        (OK, [b"he", b"llo"], {}),
        (OK, [b"hello"], {"method": "HEAD"}),
        (OK, [], {}),
        (CHUNKED, [b"one", b"two"], {}),
        (CHUNKED, [], {}),
        (CHUNKED, [b"one"], {"version": (1, 0)}),
    ],
)
def test_the_bytes_are_those_of_gunicorn(line, monkeypatch, headers, parts, request_):
    monkeypatch.setattr("gunicorn.util.http_date", lambda *_: "now")
    ours = written(Whole, line, headers, parts, **request_)
    theirs = written(wsgi.Response, line, headers, parts, **request_)
    assert b"".join(ours) == b"".join(theirs)


def test_a_file_follows_its_head(line):
    response = Whole(
        SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False), line[0], Config()
    )
    response.start_response("200 OK", OK)
    response.write_file(wsgi.FileWrapper(io.BytesIO(b"hello")))
    response.close()
    assert b"".join(heard(line[1])).endswith(b"\r\n\r\nhello")


def test_the_app_uses_the_single_write(server):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as there:
        there.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        found = there.recv(100_000)
    assert found.startswith(b"HTTP/1.1 ")
    assert b"\r\n\r\n{" in found
