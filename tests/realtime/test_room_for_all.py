"""Anonymous lines keep nobody out, however many addresses they come from."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from chat.realtime.transport import frames, quotas
from chat.realtime.transport.engine import LineServer
from chat.realtime.transport.quotas import MOST_STRANGERS, STRANGER_SECONDS, Trust
from chat.realtime.transport.socket import TransportSocket
from tests.realtime.test_socket_limits import masked

LINES = 6
NONE, CLAIMED, KNOWN = Trust


class House:
    """A server, who knocks at it, and what they are told."""

    def __init__(self, open_sockets: ExitStack) -> None:
        self.engine = LineServer(async_mode="gevent", ping_interval=20, ping_timeout=15)
        self.engine.trust = lambda environ: environ["trust"]
        self.peers: dict[TransportSocket, socket.socket] = {}
        self.status = ""
        self._open = open_sockets

    def knock(self, trust: Trust, address: str = "192.0.2.1") -> TransportSocket | None:
        """A handshake: its line, or None and the ``status``."""
        ours, peer = map(self._open.enter_context, socket.socketpair())
        environ: dict[str, Any] = {
            "REMOTE_ADDR": address,
            "HTTP_CONNECTION": "Upgrade",
            "HTTP_SEC_WEBSOCKET_VERSION": "13",
            "HTTP_SEC_WEBSOCKET_KEY": "AAAAAAAAAAAAAAAAAAAAAA==",
            "gunicorn.socket": ours,
            "trust": trust,
        }
        before = set(self.engine.sockets.values())
        try:
            self.engine._handle_connect(environ, self._told, "websocket")
        except StopIteration:
            (line,) = set(self.engine.sockets.values()) - before
            self.peers[line] = peer
            return line
        return None

    def fill(self, trust: Trust, addresses: int = LINES) -> list[TransportSocket]:
        """With silent lines of so many addresses."""
        lines = [self.knock(trust, f"198.51.100.{n % addresses}") for n in range(LINES)]
        return [line for line in lines if line is not None]

    def says(self, line: TransportSocket) -> None:
        """It has arrived, and this process has not read it."""
        self.peers[line].sendall(masked(frames.TEXT, b"40"))

    def _told(self, status: str, headers: list) -> None:
        self.status = status.split()[0]


@contextmanager
def a_house() -> Iterator[House]:
    with ExitStack() as open_sockets:
        house = House(open_sockets)
        yield house
        for line in list(house.engine.sockets.values()):
            line.hang_up()
        if house.engine._pulse is not None:
            house.engine._pulse.kill()


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A small one, so that it is soon full."""
    monkeypatch.setattr(quotas, "MOST_LINES", LINES)
    with a_house() as house:
        yield house


@pytest.mark.parametrize(
    ("there", "comes"),
    [(NONE, NONE), (NONE, KNOWN), (CLAIMED, CLAIMED), (CLAIMED, KNOWN), (KNOWN, KNOWN)],
)
def test_where_it_is_full_the_line_that_has_been_silent_the_longest_makes_way(
    house: House, there: Trust, comes: Trust
) -> None:
    first, *others = house.fill(there)
    assert house.knock(comes)
    assert first.closed
    assert not any(line.closed for line in others)
    assert len(house.engine.sockets) == LINES
    assert not house.engine._leaving  # its connection is given back at once


@pytest.mark.parametrize(("there", "comes"), [(KNOWN, CLAIMED), (KNOWN, NONE), (CLAIMED, NONE)])
def test_a_line_is_never_closed_for_a_less_trusted_one(
    house: House, there: Trust, comes: Trust
) -> None:
    lines = house.fill(there)
    assert house.knock(comes) is None
    assert house.status == "503"
    assert not any(line.closed for line in lines)


def test_who_was_let_in_makes_way_for_nobody(house: House) -> None:
    lines = house.fill(KNOWN)
    for line in lines:
        house.engine.let_in(line)
    assert house.knock(KNOWN) is None
    assert house.status == "503"
    assert not any(line.closed for line in lines)


def test_who_has_spoken_and_waits_for_us_stays(house: House) -> None:
    """Many who come back at once wait for their turn; some of what they say is not read yet."""
    lines = house.fill(KNOWN)
    for line in lines[:-1]:
        house.says(line)
    assert house.knock(KNOWN)
    assert [line.closed for line in lines] == [False] * (LINES - 1) + [True]
    house.says(list(house.engine.sockets.values())[-1])
    assert house.knock(KNOWN) is None
    assert house.status == "503"


def test_strangers_who_speak_without_end_keep_nobody_out_whom_we_know(house: House) -> None:
    for line in house.fill(CLAIMED):
        house.says(line)
    assert house.knock(CLAIMED) is None
    assert all(house.knock(KNOWN) for _ in range(LINES))
    assert len(house.engine.sockets) == 2 * LINES


def test_all_strangers_together_may_only_be_so_many_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "MOST_UNKNOWN", LINES - 2)
    lines = house.fill(CLAIMED)
    assert [line.closed for line in lines] == [True] * 2 + [False] * (LINES - 2)
    assert house.knock(KNOWN)
    assert len(house.engine.sockets) == LINES - 1


@pytest.mark.parametrize("trust", Trust)
def test_of_one_address_the_first_silent_one_goes_and_elsewhere_nobody_is_touched(
    house: House, monkeypatch: pytest.MonkeyPatch, trust: Trust
) -> None:
    monkeypatch.setitem(quotas.MOST_STRANGERS, trust, 2)
    elsewhere = house.knock(trust, "203.0.113.7")
    lines = [house.knock(trust) for _ in range(3)]
    assert [line is not None and line.closed for line in lines] == [True, False, False]
    assert elsewhere
    assert not elsewhere.closed
    for line in lines[1:]:
        assert line
        house.says(line)
    assert house.knock(trust) is None
    assert house.status == "429"


def test_a_process_that_is_full_of_strangers_has_room_for_whom_we_know() -> None:
    """The numbers themselves, and what they promise together."""
    assert quotas.MOST_UNKNOWN < quotas.MOST_LINES / 2
    assert all(MOST_STRANGERS[trust] < quotas.MOST_UNKNOWN for trust in (NONE, CLAIMED))
    assert MOST_STRANGERS[KNOWN] < quotas.MOST_LINES / 2


@pytest.mark.parametrize("trust", Trust)
def test_only_known_sessions_have_more_time(house: House, trust: Trust) -> None:
    line = house.knock(trust)
    assert line
    assert (line.due > time.monotonic() + STRANGER_SECONDS + 5) == (trust is KNOWN)


def test_a_request_that_is_no_handshake_takes_nobodys_place(house: House) -> None:
    lines = house.fill(NONE)
    environ = {"REMOTE_ADDR": "192.0.2.1", "trust": KNOWN}
    house.engine._handle_connect(environ, house._told, "websocket")
    assert house.status == "400"
    assert not any(line.closed for line in lines)
