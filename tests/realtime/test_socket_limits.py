"""Limits of a line: a peer cannot make it store, answer or leave behind too much."""

import gc
import socket
import struct
from collections.abc import Callable

import gevent
import pytest

from chat.realtime.transport import engine, frames
from chat.realtime.transport.manager import Rooms
from chat.realtime.transport.server import MOST_DROPPED, GuardedServer
from chat.realtime.transport.socket import TransportSocket
from tests.realtime.test_socket_delivery import all_taken, enter, line_and_peer, taken
from tests.support.waiting import SECONDS

PLENTY = 200_000  # bytes in a socket's buffer


@pytest.fixture
def server() -> GuardedServer:
    return GuardedServer(client_manager=Rooms(), async_mode="gevent")


def masked(kind: int, payload: bytes) -> bytes:
    """A frame as a client sends it, with a mask that changes nothing."""
    head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, len(payload))
    if len(payload) <= 125:
        head = struct.pack("!BB", 0x80 | kind, 0x80 | len(payload))
    return head + b"\0\0\0\0" + payload


def until(what: Callable[[], object]) -> None:
    with gevent.Timeout(SECONDS):
        while not what():
            gevent.sleep(0)


def say(peer: socket.socket, data: bytes) -> None:
    """All of it, however little the other end takes at a time."""
    with gevent.Timeout(SECONDS):
        while data:
            gevent.sleep(0)
            try:
                data = data[peer.send(data) :]
            except BlockingIOError:
                continue


@pytest.mark.parametrize("kind", ["5", "6"])
def test_parts_that_a_client_announces_are_not_gathered(server: GuardedServer, kind: str) -> None:
    with line_and_peer(server.eio, "a", PLENTY) as (line, peer):
        enter(server, "a")
        announced = f'4{kind}999999999-["typing",{{"_placeholder":true,"num":0}}]'
        say(peer, masked(frames.TEXT, announced.encode()))
        for _ in range(3):
            say(peer, masked(frames.BINARY, b"x" * 60_000))
        until(lambda: line.dropped == 4)
        assert not server._binary_packet


def test_who_sends_binary_messages_without_end_is_closed(server: GuardedServer) -> None:
    with line_and_peer(server.eio, "a", PLENTY) as (line, peer):
        enter(server, "a")
        say(peer, masked(frames.BINARY, b"x") * (MOST_DROPPED + 1))
        until(lambda: line.closed)


@pytest.mark.parametrize(
    "text", ["", "x", "9", "4", "2{", "2[[", "2" + "[" * 5_000, '{"a":1}', "1x"]
)
def test_text_that_is_no_packet_is_counted_and_not_logged_each_time(
    server: GuardedServer, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with line_and_peer(server.eio, "a", PLENTY) as (line, peer):
        say(peer, masked(frames.TEXT, b"4" + text.encode()) * (MOST_DROPPED + 1))
        until(lambda: line.closed)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_of_pings_that_come_together_the_last_is_answered(server: GuardedServer) -> None:
    with line_and_peer(server.eio, "a", PLENTY) as (line, peer):
        pings = b"".join(masked(frames.PING, b"%03d" % number) for number in range(300))
        say(peer, pings)
        last = frames.frame(frames.PONG, b"299")
        heard = b""
        with gevent.Timeout(SECONDS):
            while not heard.endswith(last):
                heard += taken(peer)
        assert len(heard) <= 10 * len(last)
        assert not line.closed


def test_a_broadcast_never_reaches_who_came_in_after_a_line_was_given_back(
    server: GuardedServer,
) -> None:
    """The number of the old connection is the new one's: bytes for one must not go to the other."""
    with line_and_peer(server.eio, "old", PLENTY) as (old, _):
        enter(server, "old", "room")
        number = old._sock.fileno()
        kept = list(server.manager._members("room").values())  # somebody is just sending to them
        old.hang_up()
        with line_and_peer(server.eio, "new", PLENTY) as (new, peer):
            numbers = {new._sock.fileno(), peer.fileno()}
            assert number in numbers
            for line in kept:
                assert not line.push(frames.message("for the old one"))
            old._on_writable()
            new.push(frames.message("for the new one"))
            assert all_taken(peer, 17) == frames.message("for the new one")
            assert taken(peer) == b""


def test_lines_that_came_and_went_leave_nothing(server: GuardedServer) -> None:
    def come_and_go(times: int) -> None:
        for number in range(times):
            with line_and_peer(server.eio, f"line {number}", PLENTY) as (line, peer):
                sid = enter(server, line.sid, "room", f"room {number}")
                server.emit("hello", {}, to="room")
                assert taken(peer)
                if number % 3 == 0:
                    peer.close()
                elif number % 3 == 1:
                    say(peer, masked(frames.CLOSE, b""))
                else:
                    server.disconnect(sid)
                    continue
                until(lambda line=line: line.closed)

    def count() -> tuple[int, int]:
        gevent.sleep(0)
        gc.collect()
        lines = sum(isinstance(one, TransportSocket) for one in gc.get_objects())
        return lines, len(gc.get_objects())

    def grown() -> int:
        before = count()[1]
        come_and_go(300)
        return count()[1] - before

    come_and_go(50)
    # What else runs in this process may make some objects once, but not each time.
    assert min(grown() for _ in range(3)) < 200
    assert count()[0] == 0
    assert not server.eio.sockets
    assert not server.eio._leaving
    assert not server.manager._rooms_of
    assert not server.manager.rooms.get("/", {})
    assert not server._lanes


def test_what_handshakes_have_in_common_is_kept_once_and_not_for_ever() -> None:
    def told(text: list[str]) -> dict:
        return engine.remembered({"HTTP_USER_AGENT": "".join(text), "HTTP_COOKIE": "a=b"})

    first, second = told(["browser ", "1"]), told(["browser ", "1"])
    assert first["HTTP_USER_AGENT"] is second["HTTP_USER_AGENT"]
    for number in range(2000):
        told(["browser ", str(number)])
    assert engine._once.cache_info().currsize <= 1000
