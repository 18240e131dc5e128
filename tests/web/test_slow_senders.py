"""An address has few places for slow connections; its slowest one is closed for a new one."""

import os
import socket
from collections.abc import Iterator

import pytest
import requests

from chat.embedded.mongo import Mongo
from chat.web.slow_senders import ANYBODY, MOST, Arrivals
from tests.support.processes import AppProcess, Launcher
from tests.support.waiting import SECONDS, eventually

BEGUN = {
    "no request at all": "",
    "a request without an end": "GET /login HTTP/1.1\r\nX: ",
    "a body without an end": "POST /login HTTP/1.1\r\nContent-Length: 100\r\nHost: x\r\n\r\na",
    "chunks without an end": "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n5",
}  # fmt: skip
FEW = 10


def opened(app: AppProcess, begin: str) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", app.port), timeout=SECONDS)
    line.sendall(begin.encode())
    line.setblocking(False)
    return line


def is_over(line: socket.socket) -> bool:
    try:
        line.recv(1024)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@pytest.mark.parametrize("what", BEGUN)
def test_of_too_many_that_wait_the_first_go_and_a_visitor_is_served(
    server: AppProcess, owner: object, what: str
) -> None:
    with requests.Session() as kept:
        assert kept.get(f"{server.url}/health", timeout=SECONDS).ok
        lines = [opened(server, BEGUN[what]) for _ in range(MOST + FEW)]
        try:
            eventually(lambda: all(map(is_over, lines[:FEW])))
            assert requests.get(f"{server.url}/login", timeout=SECONDS).ok
            assert kept.get(f"{server.url}/health", timeout=SECONDS).ok
        finally:
            for line in lines:
                line.close()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, mongod: Mongo) -> Iterator[AppProcess]:
    launcher = Launcher(tmp_path_factory.mktemp("app"), mongod.uri)
    yield launcher(TRUSTED_PROXIES="1")
    launcher.close()


def test_behind_a_proxy_the_head_of_a_request_says_whose_it_is(behind: AppProcess) -> None:
    def begin(address: str) -> str:
        return BEGUN["a body without an end"].replace("Host", f"X-Forwarded-For: {address}\r\nHost")

    other = opened(behind, begin("203.0.113.1"))
    address = ".".join(map(str, os.urandom(4)))
    lines = [opened(behind, begin(address)) for _ in range(MOST + FEW)]
    eventually(lambda: all(map(is_over, lines[:FEW])))
    # Connections that have said nothing yet are the proxy's own.
    silent = [opened(behind, "") for _ in range(MOST + FEW)]
    assert requests.get(f"{behind.url}/health", timeout=SECONDS).ok
    assert not any(map(is_over, [other, *silent]))
    for line in (other, *lines, *silent):
        line.close()


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    made = [socket.socketpair() for _ in range(6)]
    yield made
    for pair in made:
        for end in pair:
            end.close()


def test_each_address_makes_room_among_its_own(pairs) -> None:
    ours, theirs = zip(*pairs, strict=True)
    for end in theirs:
        end.setblocking(False)
    arrivals = Arrivals(most=2, together=100)
    for sock, address in zip(ours, ["a", "b", "a", "a", ANYBODY, ANYBODY], strict=True):
        arrivals.begin(sock, address)
    assert [is_over(end) for end in theirs] == [True, False, False, False, False, False]
    arrivals.end(ours[2])
    arrivals.end(ours[2])
    arrivals.begin(ours[2], "a")  # in time, and now the last of its address
    arrivals.begin(ours[5], "a")
    assert [is_over(end) for end in theirs] == [True, False, False, True, False, False]


def test_when_all_together_are_too_many_the_address_with_the_most_makes_room(pairs) -> None:
    ours, theirs = zip(*pairs, strict=True)
    for end in theirs:
        end.setblocking(False)
    arrivals = Arrivals(most=100, together=5)
    for sock, address in zip(ours, ["b", "a", "a", "a", ANYBODY, ANYBODY], strict=True):
        arrivals.begin(sock, address)
    assert [is_over(end) for end in theirs] == [False, True, False, False, False, False]
