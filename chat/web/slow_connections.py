"""Connections that let us wait: for a request, or for the rest of its body.

Each takes one of the worker's places, and whoever opens all of them keeps everybody else out. So an
address may have only so many that wait, and of more the one that has waited the longest is closed:
a browser sends what it has to say at once. A connection that is kept for the next request counts
only with all others. So do those that come through a proxy, until the head of a request says whose
it is.
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
MOST = 200  # that wait, of one address
MOST_TOGETHER = PLACES - 500
ANYBODY = ""  # no address is known


class Arrivals:
    """Who is waited for, by address, in the order in which that began."""

    def __init__(self, most: int = MOST, together: int = MOST_TOGETHER) -> None:
        self._most, self._together = most, together
        self._waiting: dict[str, OrderedDict[Any, None]] = {}
        self._address: dict[Any, str] = {}

    def begin(self, sock: Any, address: str = ANYBODY) -> None:
        """This connection is waited for; perhaps another one no longer."""
        self.end(sock)
        self._address[sock] = address
        waiting = self._waiting.setdefault(address, OrderedDict())
        waiting[sock] = None
        if address != ANYBODY and len(waiting) > self._most:
            self._close_first(waiting)
        elif len(self._address) > self._together:
            self._close_first(max(self._waiting.values(), key=len))

    def end(self, sock: Any) -> None:
        """What it was waited for has come, or it is gone. Safe to repeat."""
        address = self._address.pop(sock, None)
        if address is None:
            return
        del self._waiting[address][sock]
        if not self._waiting[address]:
            del self._waiting[address]

    @contextmanager
    def waited_for(self, sock: Any, address: str) -> Iterator[None]:
        """For as long as it takes."""
        self.begin(sock, address)
        try:
            yield
        finally:
            self.end(sock)

    def _close_first(self, waiting: OrderedDict[Any, None]) -> None:
        sock = next(iter(waiting))
        self.end(sock)
        with contextlib.suppress(OSError):  # whoever reads from it finds its end, and closes it
            sock.shutdown(socket.SHUT_RDWR)


arrivals = Arrivals()
