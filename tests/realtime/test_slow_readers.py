"""A tab that does not read for a while gets all messages, or is closed and catches up."""

import json
import socket
from urllib.parse import urlsplit

import websocket

from tests.support.people import Person
from tests.support.waiting import SECONDS, eventually

PAUSE, TOO_MANY = 150, 320  # messages that go by, each about 24 kB: a dash takes three bytes
SMALL_BUFFER, BIG_BUFFER = 4096, 1 << 20


class SlowTab:
    """A bare connection that reads only when it is told to, and checks every byte."""

    def __init__(self, person: Person) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self.sock.settimeout(SECONDS)
        place = urlsplit(person.url)
        self.sock.connect((place.hostname, place.port))
        line = websocket.create_connection(
            f"ws://{place.netloc}/socket.io/?EIO=4&transport=websocket",
            header=[f"Cookie: {person.cookie}"],
            origin=person.url,
            socket=self.sock,
        )
        self.ask = line.send
        line.send("40" + json.dumps({"csrf": person.csrf}))
        while not line.recv().startswith("40"):
            pass
        self.rest = b""

    def seqs(self, until: int) -> list[int]:
        """The numbers of the messages that come, up to this one or the end of the connection."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BIG_BUFFER)
        found: list[int] = []
        while until not in found:
            payload = self._next()
            if payload is None:
                break
            if payload.startswith('42["message:new"'):
                found.append(json.loads(payload[2:])[1]["message"]["seq"])
        return found

    def _next(self) -> str | None:
        """The payload of the next frame, by the bytes themselves; None at the end."""
        head = self._read(2)
        if head is None or head[0] == 0x88:
            return None
        assert head[0] == 0x81, f"no begin of a text frame: {head!r}"
        length = {126: 2, 127: 8}.get(head[1], 0)
        size = self._read(length) if length else head[1:]
        payload = None if size is None else self._read(int.from_bytes(size, "big"))
        return None if payload is None else payload.decode()

    def _read(self, size: int) -> bytes | None:
        while len(self.rest) < size:
            try:
                data = self.sock.recv(65_536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.rest += data
        found, self.rest = self.rest[:size], self.rest[size:]
        return found


def post(person: Person, room: str, count: int) -> None:
    """Messages that are much bigger together than what fits on the way."""
    for _ in range(count):
        person.say({"id": room}, "—" * 7900)


def test_who_reads_on_after_a_pause_has_everything_in_order(
    alice: Person, bob: Person, room: str
) -> None:
    slow = SlowTab(bob)
    post(alice, room, PAUSE)
    assert slow.seqs(until=PAUSE) == list(range(1, PAUSE + 1))


def test_who_does_not_read_is_cut_delays_nobody_and_may_ask_for_the_rest(
    alice: Person, bob: Person, room: str
) -> None:
    slow, there = SlowTab(bob), bob.tab()
    post(alice, room, TOO_MANY)
    eventually(lambda: len(there.heard("message:new")) == TOO_MANY)
    seqs = slow.seqs(until=TOO_MANY)
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) < TOO_MANY
    path = f"/api/channels/{room}/messages?after={len(seqs)}&limit=100"
    missed = [message["seq"] for message in bob.api("GET", path).json()["messages"]]
    assert missed[0] == len(seqs) + 1
