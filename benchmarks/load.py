"""HTTP clients that ask for one page again and again, each as soon as it has the answer before."""

import itertools
import selectors
import socket
import time
from dataclasses import dataclass, field

SECONDS_FOR_LAST = 10.0
AT_ONCE = 65_536  # bytes in one read; a buffer is made for each
_numbers = itertools.count(time.time_ns())


@dataclass
class Asked:
    """What came of it."""

    seconds: float = 0.0
    bytes: int = 0
    failed: int = 0
    took_ms: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.took_ms)

    def add(self, other: "Asked") -> None:
        """Put another round's answers to these."""
        self.seconds += other.seconds
        self.failed += other.failed
        self.bytes = other.bytes
        self.took_ms += other.took_ms


class Load:
    """Closed loop over kept-alive connections."""

    def run(self, port: int, path: str, cookie: str, connections: int, seconds: float) -> Asked:
        """Ask for `seconds`. `{n}` in the path is another number each time."""
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
            "Accept: */*\r\nAccept-Language: en\r\n\r\n"
        )
        selector, result = selectors.DefaultSelector(), Asked()
        lines = [_Line(port, request) for _ in range(connections)]
        for line in lines:
            selector.register(line.sock, selectors.EVENT_READ, line)
        began = time.monotonic()
        for line in lines:
            line.ask()
        open_ones = len(lines)
        while open_ones and time.monotonic() - began < seconds + SECONDS_FOR_LAST:
            for key, _events in selector.select(1.0):
                line = key.data
                if not line.take(result):
                    continue
                if time.monotonic() - began < seconds:
                    line.ask()
                else:
                    open_ones -= 1
        result.seconds = time.monotonic() - began
        for line in lines:
            line.sock.close()
        selector.close()
        return result


class _Line:
    """One connection and the answer that it is waiting for."""

    def __init__(self, port: int, request: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=SECONDS_FOR_LAST)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request, self._answer, self._asked_at = request, bytearray(), 0.0

    def ask(self) -> None:
        self._answer.clear()
        self._asked_at = time.monotonic()
        self.sock.sendall(self._request.replace("{n}", str(next(_numbers))).encode())

    def take(self, result: Asked) -> bool:
        """Read some more; True when the answer is whole."""
        data = self.sock.recv(AT_ONCE)
        if not data:
            raise RuntimeError("the server closed the connection")
        self._answer += data
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        if not separator:
            return False
        size = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        if len(body) < size:
            return False
        result.took_ms.append((time.monotonic() - self._asked_at) * 1000)
        result.bytes = size
        result.failed += b" 200 " not in head[:20]
        return True
