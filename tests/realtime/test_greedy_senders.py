"""A client that sends without end delays nobody, with or without an account."""

import struct
import threading
import time
from typing import Any

import pytest
import requests
import websocket

from chat.realtime.transport.server import MOST_ASKED, MOST_DROPPED
from tests.support.processes import AppProcess

EVENT = '42["presence:ping",{}]'


def line_to(server: AppProcess) -> websocket.WebSocket:
    """A bare WebSocket of somebody without a session."""
    address = server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    line = websocket.create_connection(address, timeout=10)
    assert line.recv().startswith("0")
    return line


def is_closed_after(line: websocket.WebSocket, packet: str, times: int) -> bool:
    """Whether the server hangs up on who sends this so often."""
    try:
        for _ in range(times):
            line.send(packet)
        line.settimeout(2)
        while answer := line.recv():
            assert answer[:2] in ("44", "2")
    except websocket.WebSocketTimeoutException:
        return False
    except (websocket.WebSocketException, OSError):
        return True
    return True


def frame(text: bytes) -> bytes:
    """A masked text frame, as a client sends it."""
    return b"\x81\xfe" + struct.pack(">H", len(text)) + b"\0\0\0\0" + text


def acknowledged(line: websocket.WebSocket) -> str:
    """The next answer; what is told without being asked for may come at any time."""
    while not (told := str(line.recv())).startswith("43"):
        pass
    return told


def test_who_never_stops_sending_leaves_the_others_their_turn(server: AppProcess) -> None:
    raw = line_to(server).sock
    raw.settimeout(None)
    packet, until = frame(b"6" * 60_000), time.monotonic() + 4

    def send() -> None:
        try:
            while time.monotonic() < until:
                raw.sendall(packet)
        except OSError:
            pass

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    slowest = 0.0
    while time.monotonic() < until:
        asked = time.monotonic()
        assert requests.get(f"{server.url}/health", timeout=30).ok
        slowest = max(slowest, time.monotonic() - asked)
    raw.shutdown(2)
    sending.join(10)
    assert slowest < 2


def test_a_line_that_sends_nonsense_is_closed(server: AppProcess) -> None:
    assert is_closed_after(line_to(server), EVENT, MOST_DROPPED + 1)
    assert not is_closed_after(line_to(server), EVENT, 5)


def test_a_line_may_ask_only_so_often_to_be_let_in(server: AppProcess) -> None:
    assert is_closed_after(line_to(server), "40", MOST_ASKED + 1)
    assert not is_closed_after(line_to(server), "40", 3)


@pytest.mark.parametrize("data", ['"text"', "5", "null"])
def test_packets_without_an_event_are_counted_too(
    server: AppProcess, new_person: Any, data: str
) -> None:
    """Each costs an answer, so each counts against the limit."""
    person = new_person()
    line = websocket.create_connection(
        server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
        header=["Cookie: " + "; ".join(f"{c.name}={c.value}" for c in person.session.cookies)],
        timeout=10,
    )
    line.recv()
    line.send('40{"csrf":"' + person.csrf + '"}')
    assert line.recv().startswith("40")
    for number in range(1500):
        line.send(f'42{number}["typing",{data}]')
    answers = [acknowledged(line)]
    while "throttled" not in answers[-1] and len(answers) < 1500:
        answers.append(acknowledged(line))
    assert "bad_input" in answers[0]
    assert "throttled" in answers[-1]
