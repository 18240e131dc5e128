"""Many Socket.IO clients (engine.io 4, WebSocket only) on bare sockets in one thread.

As light as it gets, because the readers take the time between the server's write and the last read
that is counted against it: frames are cut, pings answered, and in a message only the moment it was
sent at is looked for, once for all who are sent the same bytes. A message's client_id is
`bench-<nanoseconds>-<number>`; the clock is the machine's monotonic one, which all its processes
share.
"""

import base64
import json
import os
import re
import select
import socket
import struct
import time
from typing import Any

from benchmarks.team import Member

STAMP = re.compile(rb'"client_id": ?"bench-(\d+)-')
NEW_MESSAGE, ACK, PING, PONG = b'42["message:new"', b"43", b"2", b"3"
TEXT, CLOSE = 1, 8
ASKED = 999_999  # the number of a question that its asker waits for
AT_ONCE = 32_768  # bytes in one read; a buffer is made for each
CONNECT_SECONDS = 30
WAIT_FOR_ONE = 0.5  # seconds for an answer that may have been lost
WAIT_FOR_LAST = 45.0  # seconds, after the last post, for what is still under way

Frame = tuple[int, bytes, int]  # kind, payload, the moment the message in it was sent at, or 0


class Crowd:
    """The clients. All methods return when they are done."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._clients: list[Client] = []
        self._by_number: dict[int, Client] = {}  # by file number
        self._same: tuple[bytes, list[Frame]] = (b"", [])  # what came last, cut
        self._arrived: dict[int, int] = {}  # moment of sending → how many have it
        self._late: dict[int, float] = {}  # moment of sending → ms until the latest one had it
        self._acked = self._lost = self._size = 0
        self.presence_at = time.monotonic()

    def open(self, port: int, members: list[Member], path: str = "/socket.io/") -> int:
        """Connect one more client for each of these people; how many there are now."""
        for member in members:
            self._add(Client(port, member, path))
            self.pump(0)
        return len(self._clients)

    def _add(self, client: "Client") -> None:
        client.sock.setblocking(False)
        self._clients.append(client)
        self._by_number[client.sock.fileno()] = client
        self._poll.register(client.sock, select.EPOLLIN)

    def settle(self, quiet: float = 2.0, most: float = 20.0) -> float:
        """Read until nobody has come or gone for `quiet` seconds; how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < most:
            self.pump(0.2)
            if time.monotonic() - max(self.presence_at, began) > quiet:
                break
        return time.monotonic() - began

    def read(self, seconds: float) -> None:
        """Do nothing but listen and answer pings."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.pump(min(0.2, left))

    def post(self, channel: str, count: int, rate: float) -> dict[str, Any]:
        """Post `count` messages, `rate` a second, from one client after the other."""
        self._forget()
        began = time.monotonic()
        for number in range(count):
            while (left := began + number / rate - time.monotonic()) > 0:
                self.pump(left)
            sender = self._clients[number * 7 % len(self._clients)]
            sender.send(post_packet(channel, number))
            self.pump(0)
        return self._wait_for(count, count)

    def post_at_once(self, channel: str, count: int, outstanding: int) -> dict[str, Any]:
        """Post `count` messages, the next as soon as fewer than `outstanding` are unanswered."""
        self._forget()
        for number in range(count):
            until = time.monotonic() + WAIT_FOR_ONE
            while number - self._acked >= outstanding and time.monotonic() < until:
                self.pump(0.1)
            self._clients[number * 7 % len(self._clients)].send(post_packet(channel, number))
            self.pump(0)
        return self._wait_for(count, count)

    def receive(self, count: int, rate: float) -> dict[str, Any]:
        """Wait for what somebody else sends."""
        self._forget()
        self.read(count / rate)
        return self._wait_for(count)

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            client.sock.close()
        self._poll.close()
        self._clients, self._by_number, self._poll = [], {}, select.epoll()

    def pump(self, timeout: float) -> None:
        """Take what has come, waiting for at most `timeout` seconds."""
        for number, _event in self._poll.poll(max(0.0, timeout)):
            client = self._by_number[number]
            data = client.read()
            if data == self._same[0] and not client.buffer:
                found = self._same[1]
            else:
                found = client.cut(data or b"")
                if data and not client.buffer:
                    self._same = data, found
            for kind, payload, sent in found:
                if sent:
                    self._count(payload, sent)
                elif kind != CLOSE:
                    self._handle(client, payload)
            if data == b"" or any(kind == CLOSE for kind, *_ in found):
                self._poll.unregister(number)
                self._lost += 1

    def _handle(self, client: "Client", payload: bytes) -> None:
        if payload == PING:
            client.send(PONG)
        elif payload.startswith(ACK):
            if b'"ok":true' not in payload[:40]:
                raise RuntimeError(f"refused: {payload[:500].decode()}")
            self._acked += 1
        elif payload.startswith(b'42["presence"'):
            self.presence_at = time.monotonic()

    def _count(self, payload: bytes, sent: int) -> None:
        self._arrived[sent] = self._arrived.get(sent, 0) + 1
        self._late[sent] = (time.monotonic_ns() - sent) / 1e6
        self._size = len(payload)

    def _forget(self) -> None:
        self._arrived, self._late = {}, {}
        self._acked = 0

    def _wait_for(self, count: int, acked: int = 0) -> dict[str, Any]:
        """Until all have everything; what arrived, and how long each took to its last reader."""
        wanted, until = count * len(self._clients), time.monotonic() + WAIT_FOR_LAST
        while time.monotonic() < until and (
            sum(self._arrived.values()) < wanted or self._acked < acked
        ):
            self.pump(0.1)
        whole = [sent for sent, number in self._arrived.items() if number == len(self._clients)]
        return {
            "deliveries": sum(self._arrived.values()),
            "whole": len(whole),
            "acked": self._acked,
            "lost": self._lost,
            "size": self._size,
            "to_last_ms": [self._late[sent] for sent in whole],
        }


class Client:
    """One connection, let in."""

    def __init__(
        self, port: int, member: Member, path: str = "/socket.io/", source: str = "127.0.0.1"
    ) -> None:
        self.buffer = bytearray()
        self.sock = socket.create_connection(
            ("127.0.0.1", port), timeout=CONNECT_SECONDS, source_address=(source, 0)
        )
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upgrade(port, member, path)
        if path.startswith("/socket.io/"):
            self._wait_for(b"0")
            self.send(b"40" + json.dumps({"csrf": member.csrf}).encode())
            self._wait_for(b"40")

    def ask(self, event: str, data: dict[str, Any]) -> None:
        """Send an event, and wait until it is acknowledged. Only before others are pumped."""
        self.send(f"42{ASKED}".encode() + json.dumps([event, data]).encode())
        self._wait_for(f"43{ASKED}".encode())

    def send(self, payload: bytes) -> None:
        """A text frame, masked with zeros."""
        size = len(payload)
        head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else (
            struct.pack("!BBH", 0x81, 0x80 | 126, size)
        )  # fmt: skip
        self.sock.sendall(head + bytes(4) + payload)

    def read(self) -> bytes | None:
        """What has come; None if nothing has, b"" when the server has closed the line."""
        try:
            return self.sock.recv(AT_ONCE)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def cut(self, data: bytes) -> list[Frame]:
        """The frames that are whole now."""
        self.buffer += data
        return [(kind, payload, _sent_at(payload)) for kind, payload in self._frames()]

    def _frames(self) -> list[tuple[int, bytes]]:
        found, buffer, at = [], self.buffer, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1] & 0x7F, at + 2
            extra = {126: 2, 127: 8}.get(size, 0)
            if len(buffer) < start + extra:
                break
            if extra:
                size = int.from_bytes(buffer[start : start + extra], "big")
            start += extra
            if len(buffer) < start + size:
                break
            found.append((buffer[at] & 0x0F, bytes(buffer[start : start + size])))
            at = start + size
        del buffer[:at]
        return found

    def _upgrade(self, port: int, member: Member, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path}?EIO=4&transport=websocket HTTP/1.1", f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13", f"Origin: http://127.0.0.1:{port}",
            f"Cookie: {member.cookie}", "", "",
        ]  # fmt: skip
        self.sock.sendall("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"not let in: {head[:300]!r}")
        self.buffer = bytearray(rest)

    def _wait_for(self, start: bytes) -> None:
        while True:
            for _kind, payload in self._frames():
                if payload.startswith(b"44") or _kind == CLOSE:
                    raise RuntimeError(f"refused: {payload[:300]!r}")
                if payload.startswith(start):
                    return
            self._more()

    def _more(self) -> None:
        data = self.sock.recv(65_536)
        if not data:
            raise RuntimeError("the server closed the line")
        self.buffer += data


def _sent_at(payload: bytes) -> int:
    """When the message was sent, in nanoseconds; 0 for anything else."""
    found = STAMP.search(payload) if payload.startswith(NEW_MESSAGE) else None
    return int(found[1]) if found else 0


def post_packet(channel: str, number: int, text: str = "") -> bytes:
    """The event that posts a message, stamped with this moment."""
    text = text or (
        f"Message {number}: **the build** is green again, the log is at "
        f"https://example.org/builds/{number} - thanks to everybody who helped."
    )
    stamp = f"bench-{time.monotonic_ns()}-{number}"
    data = {"channel": channel, "text": text, "client_id": stamp}
    return f"42{number}".encode() + json.dumps(["message:post", data]).encode()
