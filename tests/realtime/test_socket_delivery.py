"""Delivery to fast, slow and dead sockets: in order, whole, or not at all."""

import _socket
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.realtime.transport import frames
from chat.realtime.transport.engine import LineServer
from chat.realtime.transport.manager import Rooms, counts
from chat.realtime.transport.server import GuardedServer
from chat.realtime.transport.socket import MOST_QUEUED, MOST_QUEUED_BYTES, TransportSocket
from tests.support.effort import examples
from tests.support.waiting import SECONDS

SMALL_BUFFER = 4096


@contextmanager
def line_and_peer(
    server: LineServer, sid: str = "one", buffer: int = SMALL_BUFFER
) -> Iterator[tuple[TransportSocket, socket.socket]]:
    """A line, and the other end of its connection, which takes little before it is read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        peer.connect(listener.getsockname())
        ours, _ = listener.accept()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    raw = _socket.socket(fileno=ours.detach())
    raw.setblocking(False)
    peer.setblocking(False)
    line = server.sockets[sid] = TransportSocket(server, sid, raw)
    try:
        yield line, peer
    finally:
        line.hang_up()
        peer.close()


@pytest.fixture
def engine() -> LineServer:
    return LineServer(async_mode="gevent", ping_interval=20, ping_timeout=15)


def taken(peer: socket.socket, most: int = 1 << 20) -> bytes:
    """What has come so far; a turn of the loop before, so that what waits may leave."""
    gevent.sleep(0)
    try:
        return peer.recv(most)
    except BlockingIOError:
        return b""


def all_taken(peer: socket.socket, size: int) -> bytes:
    """The next ``size`` bytes."""
    found = b""
    with gevent.Timeout(SECONDS):
        while len(found) < size:
            found += taken(peer, size - len(found))
    return found


@settings(max_examples=examples(60), deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.sampled_from([0, 1, 100, 3000, 20_000])),
            st.tuples(st.just("read"), st.integers(1, 30_000)),
            st.tuples(st.just("turn"), st.just(0)),
        ),
        max_size=60,
    )
)
def test_frames_leave_whole_and_in_the_order_given(steps: list[tuple[str, int]]) -> None:
    """However much fits at a time, and whenever the reader reads."""
    engine = LineServer(async_mode="gevent")
    with line_and_peer(engine) as (line, peer):
        given, found = b"", b""
        for number, (what, size) in enumerate(steps):
            if what == "push":
                frame = frames.message(f"{number}:" + "x" * size)
                given += frame
                line.push(frame)
            elif what == "read":
                found += taken(peer, size)
            else:
                gevent.sleep(0)
        found += all_taken(peer, len(given) - len(found))
        assert found == given
        assert line.waiting == 0


def test_one_who_does_not_read_holds_nobody_up_and_is_dropped(engine: LineServer) -> None:
    frame = frames.message("x" * 1000)
    with line_and_peer(engine, "slow") as (slow, unread), line_and_peer(engine) as (quick, peer):
        for _ in range(MOST_QUEUED * 3):
            slow.push(frame)
            quick.push(frame)
            assert all_taken(peer, len(frame)) == frame
            assert slow.waiting <= MOST_QUEUED
        assert slow.waiting == 0
        assert slow.closed
        assert not quick.closed
        received = b""
        with gevent.Timeout(SECONDS), pytest.raises((ConnectionResetError, StopIteration)):
            while True:
                gevent.sleep(0)
                try:
                    data = unread.recv(65_536)
                except BlockingIOError:
                    continue
                if not data:
                    raise StopIteration
                received += data
        # What came before the end is what was sent first: nothing was left out in between.
        assert (frame * (MOST_QUEUED * 3)).startswith(received)


def test_one_who_does_not_read_is_dropped_for_bytes_too(engine: LineServer) -> None:
    with line_and_peer(engine) as (line, _peer):
        for _ in range(MOST_QUEUED_BYTES // 1_000_000 + 3):
            line.push(frames.message("x" * 1_000_000))
        gevent.sleep(0)
        assert line.closed


def test_one_answer_may_be_bigger_than_all_that_may_wait(engine: LineServer) -> None:
    frame = frames.message("x" * (MOST_QUEUED_BYTES + 1))
    with line_and_peer(engine, buffer=100_000) as (line, peer):
        line.push(frame)
        assert all_taken(peer, len(frame)) == frame


def test_a_peer_that_has_gone_is_told_to_the_handlers_once(engine: LineServer) -> None:
    said: list[tuple[str, str]] = []
    engine.on("disconnect", lambda sid, reason: said.append((sid, reason)))
    with line_and_peer(engine) as (line, peer):
        peer.close()
        with gevent.Timeout(SECONDS):
            while not line.closed:
                line.push(frames.message("anybody?"))
                gevent.sleep(0)
    assert said == [("one", engine.reason.TRANSPORT_CLOSE)]
    assert not engine.sockets
    assert not engine._leaving


def test_a_silent_peer_is_asked_and_then_let_go(engine: LineServer) -> None:
    with line_and_peer(engine) as (line, peer):
        engine.let_in(line)
        line.look(line.due)
        assert all_taken(peer, 3) == frames.message("2")
        peer.sendall(b"\x81\x81\0\0\0\x003")  # a pong
        with gevent.Timeout(SECONDS):
            while line.pinged:
                gevent.sleep(0)
        line.look(line.due)
        line.look(line.due)  # no answer this time
        with gevent.Timeout(SECONDS):
            while not line.closed:
                gevent.sleep(0)
        assert all_taken(peer, 10) == frames.message("2") + frames.message("1") + frames.close()


@pytest.fixture
def server() -> GuardedServer:
    return GuardedServer(client_manager=Rooms(), async_mode="gevent")


def enter(server: GuardedServer, eio_sid: str, *rooms: str) -> str:
    """Let a line in; its socket id."""
    sid: str = server.manager.connect(eio_sid, "/")
    for room in rooms:
        server.enter_room(sid, room)
    return sid


def test_a_broadcast_is_encoded_once_and_written_straight_to_every_socket(
    server: GuardedServer,
) -> None:
    data = {"text": "привет, 'you' \U0001f600"}
    with line_and_peer(server.eio, "a") as (_, a), line_and_peer(server.eio, "b") as (_, b):
        for eio_sid in ("a", "b"):
            enter(server, eio_sid, "room")
        before = vars(counts).copy()
        server.emit("message:new", data, to="room")
        frame = frames.message(f'42["message:new",{{"text":"{data["text"]}"}}]')
        # Nobody had a turn in between: it was there as soon as it was said.
        assert [a.recv(1000), b.recv(1000)] == [frame, frame]
        assert counts.frames - before["frames"] == 1
        assert counts.straight - before["straight"] == 2
        assert counts.queued == before["queued"]


def test_a_broadcast_waits_behind_what_a_slow_reader_has_not_taken(server: GuardedServer) -> None:
    with line_and_peer(server.eio, "a") as (line, peer):
        enter(server, "a", "room")
        first = frames.message("x" * 100_000)
        line.push(first)
        before = counts.queued
        server.emit("second", {}, to="room")
        server.emit("third", {}, to="room")
        assert counts.queued - before == 2
        rest = frames.message('42["second",{}]') + frames.message('42["third",{}]')
        assert all_taken(peer, len(first + rest)) == first + rest


def test_only_who_is_in_the_room_hears_and_not_whom_it_skips(server: GuardedServer) -> None:
    heard: dict[str, Any] = {}
    with (
        line_and_peer(server.eio, "a") as (_, a),
        line_and_peer(server.eio, "b") as (_, b),
        line_and_peer(server.eio, "c") as (_, c),
    ):
        one, two, three = (enter(server, eio_sid, "room") for eio_sid in "abc")
        server.emit("not to a", {}, to="room", skip_sid=one)
        server.leave_room(two, "room")
        server.emit("not to b", {}, to="room")
        server.emit("to b alone", {}, to=two)
        server.manager.disconnect(three, "/")
        server.emit("not to c", {}, to="room")
        heard = {name: taken(peer) for name, peer in (("a", a), ("b", b), ("c", c))}
    said = ("not to a", "not to b", "to b alone", "not to c")
    assert {name: [event for event in said if event.encode() in heard[name]] for name in heard} == {
        "a": ["not to b", "not to c"],
        "b": ["not to a", "to b alone"],
        "c": ["not to a", "not to b"],
    }
    assert not server.manager._rooms_of.get(three)
