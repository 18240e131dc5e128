"""Measures how long a request waits for answers of Redis (``chat.redis.deadline``)."""

import socket
from time import monotonic
from typing import Any

from chat.redis import deadline


class TimedSocket:
    """Wraps the socket of a connection to Redis and measures each read."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.sendall = sock.sendall

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv_into(self, *args: Any) -> Any:
        """Read an answer and count the wait; used by the library with hiredis."""
        return self._wait(self._sock.recv_into, args)

    def recv(self, *args: Any) -> Any:
        """Like ``recv_into``; used by the library without hiredis."""
        return self._wait(self._sock.recv, args)

    def is_quiet(self) -> bool:
        """Whether the connection is open and has no unread data. Does not wait."""
        plain = getattr(self._sock, "_sock", None)  # gevent's own socket would wait
        try:
            plain.recv(1, socket.MSG_PEEK)  # type: ignore[union-attr]
        except BlockingIOError:
            return True
        except (AttributeError, OSError):
            return False
        return False

    def _wait(self, receive: Any, args: tuple[Any, ...]) -> Any:
        began = monotonic()
        try:
            return receive(*args)
        finally:
            if (waited := monotonic() - began) > deadline.SOON:
                deadline.wait_was(waited, self._sock)
