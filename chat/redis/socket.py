"""When one has waited for Redis in vain, those who began later need not find out for themselves."""

import contextlib
import os
import socket
from time import monotonic
from typing import Any

from gevent.monkey import get_original

from chat.redis import deadline

_socket = get_original("socket", "socket")


class Line:
    """A connection's socket, seen by the library; among ``waiting`` while somebody waits at it."""

    def __init__(self, sock: Any, waiting: "set[Line]") -> None:
        self._sock, self._waiting = sock, waiting
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

    def give_up(self) -> None:
        """Whoever waits here is told at once that the connection has ended."""
        with contextlib.suppress(OSError):  # it has ended already
            # Past TLS, which would take its own end for a mistake of whoever reads.
            same = _socket(fileno=os.dup(self._sock.fileno()))
            try:
                same.shutdown(socket.SHUT_RDWR)
            finally:
                same.close()

    def _wait(self, receive: Any, args: tuple[Any, ...]) -> Any:
        self._waiting.add(self)
        began = monotonic()
        try:
            return receive(*args)
        finally:
            self._waiting.discard(self)
            if (waited := monotonic() - began) > deadline.SOON:
                deadline.wait_was(waited, self._sock)
