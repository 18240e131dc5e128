"""Counts how long a request waits for the answers of Redis (``chat.redis.deadline``)."""

import socket
from time import monotonic
from typing import Any

from chat.redis import deadline


class TimedSocket:
    """A connection's socket, as the library uses it."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.sendall = sock.sendall

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv_into(self, *args: Any) -> Any:
        """Wait for an answer."""
        return self._wait(self._sock.recv_into, args)

    def recv(self, *args: Any) -> Any:
        """The same, where the library does without hiredis."""
        return self._wait(self._sock.recv, args)

    def is_quiet(self) -> bool:
        """Whether nothing has come that nobody waits for, not even the end of the connection."""
        plain = getattr(self._sock, "_sock", None)  # beneath gevent's, which would wait
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
