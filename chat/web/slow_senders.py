"""Limits connections on which we wait for a request or for the rest of its body.

Each takes one place of the worker; a client that opens all of them would keep all others out. So
the number of waiting connections is limited for each address. Beyond the limit the one that has
waited longest is closed; browsers send their request at once. A keep-alive connection between two
requests counts only for the limit of all addresses together. So does a connection through a proxy,
until the headers of a request name the client.
"""

import contextlib
import socket
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PLACES = (
    4000  # connections of a worker; open tabs are held elsewhere (chat.realtime.transport.engine)
)
MOST = 200  # waiting connections of one address
MOST_TOGETHER = PLACES - 500
ANYBODY = ""  # the address is unknown


class Arrivals:
    """The waiting connections by address, the longest waiting first."""

    def __init__(self, most: int = MOST, together: int = MOST_TOGETHER) -> None:
        self._most, self._together = most, together
        self._waiting: dict[str, OrderedDict[Any, None]] = {}
        self._address: dict[Any, str] = {}

    def begin(self, sock: Any, address: str = ANYBODY) -> None:
        """Add a connection that begins to wait; closes another one if the limit is exceeded."""
        self.end(sock)
        self._address[sock] = address
        waiting = self._waiting.setdefault(address, OrderedDict())
        waiting[sock] = None
        if address != ANYBODY and len(waiting) > self._most:
            self._close_first(waiting)
        elif len(self._address) > self._together:
            self._close_first(max(self._waiting.values(), key=len))

    def end(self, sock: Any) -> None:
        """Remove a connection that does not wait any more. May be called twice."""
        address = self._address.pop(sock, None)
        if address is None:
            return
        del self._waiting[address][sock]
        if not self._waiting[address]:
            del self._waiting[address]

    @contextmanager
    def waited_for(self, sock: Any, address: str) -> Iterator[None]:
        """Count the connection as waiting while the block runs."""
        self.begin(sock, address)
        try:
            yield
        finally:
            self.end(sock)

    def _close_first(self, waiting: OrderedDict[Any, None]) -> None:
        sock = next(iter(waiting))
        self.end(sock)
        with contextlib.suppress(OSError):  # its reader sees the end and closes it
            sock.shutdown(socket.SHUT_RDWR)


arrivals = Arrivals()
