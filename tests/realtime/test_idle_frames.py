"""Frames without effect cost work: a line may send a few, but not without end."""

import os
import socket
import struct
from collections.abc import Iterator

import pytest
import websocket

from chat.auth import setup_token
from chat.embedded.mongo import Mongo
from chat.realtime.transport.quotas import ADDRESS, LINE
from chat.realtime.transport.server import MOST_DROPPED
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.tabs import bare_line
from tests.support.waiting import SECONDS, eventually

FIN, MASKED = 0x80, 0x80


def sent(kind: int, payload: bytes = b"", last: bool = True) -> bytes:
    """One frame of a client."""
    assert len(payload) <= 125
    return (
        struct.pack("!BB", (FIN if last else 0) | kind, MASKED | len(payload)) + b"\0" * 4 + payload
    )


def text(packet: str) -> bytes:
    return sent(websocket.ABNF.OPCODE_TEXT, packet.encode())


PING, PONG = websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG
TEXT, CONTINUED = websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_CONT
CLOSE = websocket.ABNF.OPCODE_CLOSE
FRAMES = {
    "pings": sent(PING),
    "pings with a load": sent(PING, b"x" * 125),
    "pongs that nobody asked for": sent(PONG),
    "empty parts of a message": sent(CONTINUED, last=False),
    "parts of a byte": sent(CONTINUED, b"x", last=False),
    "messages in small parts": sent(TEXT, b"4", last=False) + sent(CONTINUED, b"x"),
    "pongs of engine.io that nobody asked for": text("3"),
    "pings of engine.io": text("2"),
    "an offer to upgrade": text("5"),
    "nothing, in engine.io": text("6"),
    "acknowledgements that nobody asked for": text("431[]"),
    "goodbyes to a room that is not there": text("41/nowhere,"),
    "greetings to a room that is not there": text("40/nowhere,"),
    "events to a room that is not there": text('42/nowhere,["typing",{}]'),
    "events without a name": text("42[]"),
    "broken JSON": text('42["typing",{'),
    "binary messages": sent(websocket.ABNF.OPCODE_BINARY, b"x"),
}
BEGINS = {CONTINUED: sent(TEXT, b"4", last=False)}  # what has to come before
FEW = 20


def is_closed_after(line: websocket.WebSocket, frame: bytes, times: int) -> bool:
    """Whether the server says goodbye, or is gone."""
    begin = BEGINS.get(frame[0] & 0x0F, b"") if not frame[0] & FIN else b""
    line.settimeout(0.1 if times <= FEW else SECONDS)
    try:
        line.sock.sendall(begin + frame * times)
        return has_hung_up(line)
    except OSError:
        return True


def has_hung_up(line: websocket.WebSocket) -> bool:
    """The same, as far as it has come; the goodbye is a frame of its own."""
    try:
        while (opcode := line.recv_data(control_frame=True)[0]) != CLOSE:
            assert opcode in (PONG, TEXT)
    except websocket.WebSocketTimeoutException:
        return False
    except (websocket.WebSocketException, OSError):
        return True
    return True


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, mongod: Mongo) -> Iterator[AppProcess]:
    """One behind a proxy, so that each test has an address of its own."""
    launcher = Launcher(tmp_path_factory.mktemp("app"), mongod.uri)
    app = launcher(TRUSTED_PROXIES="1")
    yield app
    launcher.close()


@pytest.fixture(scope="module")
def owner(behind: AppProcess) -> Iterator[Person]:
    person = Person(behind.url).set_up(token=setup_token.token(behind.env))
    yield person
    person.close()


@pytest.fixture
def address() -> str:
    return ".".join(map(str, os.urandom(4)))


def line_from(address: str, app: AppProcess, cookie: str = "") -> websocket.WebSocket:
    return bare_line(app.url, cookie, headers=[f"X-Forwarded-For: {address}"])


@pytest.mark.parametrize("what", FRAMES)
def test_a_line_is_closed_for_endless_idle_frames_and_not_for_a_few(
    behind: AppProcess, address: str, what: str
) -> None:
    assert MOST_DROPPED > FEW
    assert not is_closed_after(line_from(address, behind), FRAMES[what], FEW)
    assert is_closed_after(line_from(address, behind), FRAMES[what], 2 * int(LINE.burst))


@pytest.mark.parametrize("what", ["pings", "empty parts of a message", "nothing, in engine.io"])
def test_idle_frames_of_people_with_an_account_are_limited_too(
    behind: AppProcess, owner: Person, address: str, what: str
) -> None:
    for times, closed in ((FEW, False), (2 * int(LINE.burst), True)):
        line = line_from(address, behind, owner.cookie)
        line.send('40{"csrf":"' + owner.csrf + '"}')
        while not line.recv().startswith("40"):
            pass
        assert is_closed_after(line, FRAMES[what], times) == closed


def test_a_message_that_comes_byte_by_byte_is_not_waited_for(
    behind: AppProcess, address: str
) -> None:
    line = line_from(address, behind)
    line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.settimeout(0.001)
    whole = text("6" * 100)
    crumbs = (bytes([byte]) for _ in range(100) for byte in whole)
    assert any(not sends(line, crumb) or has_hung_up(line) for crumb in crumbs)


def sends(line: websocket.WebSocket, data: bytes) -> bool:
    try:
        line.sock.sendall(data)
    except OSError:
        return False
    return True


def test_many_lines_of_one_address_share_what_they_may_send_and_harm_nobody_else_there(
    behind: AppProcess, owner: Person, address: str
) -> None:
    each = int(LINE.burst) - FEW
    tab = line_from(address, behind, owner.cookie)
    tab.send('40{"csrf":"' + owner.csrf + '"}')
    lines = [line_from(address, behind) for _ in range(2 * int(ADDRESS.burst) // each)]
    for line in lines:
        line.sock.sendall(FRAMES["pings"] * each)
        line.settimeout(0.01)
    eventually(lambda: any(has_hung_up(line) for line in lines))

    # Nobody is let in for the moment who has not shown that they belong here; the others are.
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        for _ in range(int(ADDRESS.burst)):
            line_from(address, behind, f"session={'x' * 43}").close()
    assert refused.value.status_code == 429
    assert not is_closed_after(tab, FRAMES["pings"], FEW)
    line_from(address, behind, owner.cookie).close()
    line_from("203.0.113.1", behind).close()
