"""Many people who read and now and then write, in a process of their own.

What they ask for was drawn beforehand (`benchmarks.browsing`), so that the same load can be sent
elsewhere. So many requests are under way at once; the next is sent as soon as one is answered.
"""

import json
import selectors
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from benchmarks.team import Member

PATIENCE_SECONDS = 60.0
AT_ONCE = 65_536  # bytes in one read; a buffer is made for each


@dataclass(frozen=True)
class Ask:
    """One request: what kind it is, and all its bytes."""

    kind: str
    data: bytes


@dataclass
class Seen:
    """What came of it."""

    seconds: float = 0.0
    bytes: int = 0  # of all bodies
    took_ms: dict[str, list[float]] = field(default_factory=dict)  # by kind
    kept: Counter[str] = field(default_factory=Counter)  # X-Cache of the answers that have one
    refused: Counter[str] = field(default_factory=Counter)  # status lines other than 2xx and 3xx

    @property
    def count(self) -> int:
        return sum(map(len, self.took_ms.values()))

    def add(self, other: "Seen") -> None:
        """What came of some more, sent afterwards."""
        self.seconds += other.seconds
        self.bytes += other.bytes
        for kind, took in other.took_ms.items():
            self.took_ms.setdefault(kind, []).extend(took)
        self.kept.update(other.kept)
        self.refused.update(other.refused)


def request_of(method: str, path: str, body: Any, member: Member) -> bytes:
    """The bytes of a request as a person's browser sends it."""
    data = json.dumps(body).encode() if body is not None else b""
    head = [
        f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*", "Accept-Language: en",
        f"Cookie: {member.cookie}", f"X-CSRFToken: {member.csrf}",
        "Content-Type: application/json", f"Content-Length: {len(data)}", "", "",
    ]  # fmt: skip
    return "\r\n".join(head).encode() + data


class Visitors:
    """Sends what is wanted, in that order."""

    def run(self, port: int, wanted: list[Ask], at_once: int) -> Seen:
        """Until everything has been answered."""
        seen, selector, left = Seen(), selectors.DefaultSelector(), deque(wanted)
        lines = [Line(port) for _ in range(min(at_once, len(left)))]
        began = time.monotonic()
        for line in lines:
            selector.register(line.sock, selectors.EVENT_READ, line)
            line.ask(left.popleft())
        while selector.get_map():
            ready = selector.select(PATIENCE_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer for {PATIENCE_SECONDS:.0f} s")
            for key, _events in ready:
                if not key.data.take(seen):
                    continue
                if left:
                    key.data.ask(left.popleft())
                else:
                    selector.unregister(key.fileobj)
        seen.seconds = time.monotonic() - began
        for line in lines:
            line.sock.close()
        selector.close()
        return seen


class Line:
    """A connection and the request on it."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = bytearray()

    def ask(self, what: Ask) -> None:
        self._asked, self._asked_at = what, time.monotonic()
        self.sock.sendall(what.data)

    def take(self, seen: Seen) -> bool:
        """Read some more; True when the answer is whole."""
        data = self.sock.recv(AT_ONCE)
        if not data:
            raise RuntimeError("the server closed the connection")
        self._answer += data
        end = self._answer.find(b"\r\n\r\n")
        if end < 0:
            return False
        status, *lines = bytes(self._answer[:end]).split(b"\r\n")
        heads = dict(line.lower().split(b": ", 1) for line in lines)
        size = int(heads.get(b"content-length", 0))
        if len(self._answer) - end - 4 < size:
            return False
        seen.bytes += size
        self._note(seen, status.decode(), heads.get(b"x-cache", b"").decode())
        self._answer.clear()
        return True

    def _note(self, seen: Seen, status: str, kept: str) -> None:
        took = (time.monotonic() - self._asked_at) * 1000
        seen.took_ms.setdefault(self._asked.kind, []).append(took)
        if kept:
            seen.kept[kept] += 1
        if not status.split(" ")[1].startswith(("2", "3")):
            seen.refused[f"{self._asked.kind}: {status}"] += 1
