"""Bodies that are read a piece at a time, for routes that say so: a file is longer than memory.

Every other body is here whole before its request begins (``chat.web.request_body``). A streamed one
is read by its view while it arrives. The view gives its turn away while it waits for a piece, so
slow senders hold up nobody, and an address may have only so many of them.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gevent
from flask import request
from gevent.lock import BoundedSemaphore
from werkzeug.exceptions import ClientDisconnected

from chat.request.client_address import of
from chat.request.concurrency import turns
from chat.web import request_body
from chat.web.slow_connections import arrivals

PIECE = 64 * 1024  # bytes that are in memory of one body
MOST_AT_ONCE = 64  # in one process
MOST_OF_ONE = 16  # of one address

_room = BoundedSemaphore(MOST_AT_ONCE)
_senders: Counter[str] = Counter()
_routes: list[tuple[str, re.Pattern[str]]] = []  # method and path


def declare(method: str, path: str) -> None:
    """Bodies of ``method`` to a path that matches this expression are streamed."""
    _routes.append((method, re.compile(path)))


def is_streamed(environ: dict[str, Any]) -> bool:
    """Whether this body is streamed: its route says so, and its sender says how long it is."""
    if not _routes or request_body.length_of(environ) <= request_body.SMALL:
        return False
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    return any(method == one and pattern.fullmatch(path) for one, pattern in _routes)


class Arriving(io.RawIOBase):
    """A body while it arrives. Raises ClientDisconnected (400): the sender is gone or too slow."""

    def __init__(self, environ: dict[str, Any], length: int, proxies: int) -> None:
        self._sent, self._left = environ["wsgi.input"], length
        self._sock, self._address = environ.get("gunicorn.socket"), of(environ, proxies)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """The next piece, shorter than the buffer only at the end; 0 behind the end."""
        wanted = min(len(buffer), self._left, PIECE)
        if not wanted:
            return 0
        piece = self._next(wanted)
        if len(piece) < wanted:  # gunicorn hands over what has come
            raise ClientDisconnected
        self._left -= wanted
        buffer[:wanted] = piece
        return wanted

    def _next(self, wanted: int) -> bytes:
        seconds = request_body.SECONDS + wanted / request_body.SLOWEST
        with (
            turns.left(),
            arrivals.waited_for(self._sock, self._address),
            gevent.Timeout(seconds, ClientDisconnected()),
        ):
            return bytes(self._sent.read(wanted))


def begin(environ: dict[str, Any], proxies: int) -> Callable[[], None]:
    """Put the body in its place as it arrives; returns what ends it.

    Raises ``request_body.TooMany`` when there is no room for another one.
    """
    address = of(environ, proxies)
    if _senders[address] >= MOST_OF_ONE or not _room.acquire(timeout=request_body.PATIENCE):
        raise request_body.TooMany
    _senders[address] += 1
    environ["wsgi.input"] = io.BufferedReader(
        Arriving(environ, request_body.length_of(environ), proxies), PIECE
    )
    return partial(_end, address)


def _end(address: str) -> None:
    _senders[address] -= 1
    if not _senders[address]:
        del _senders[address]
    _room.release()


def pieces(most: int) -> Iterator[bytes]:
    """The body of this request, a piece at a time; for the view of a declared route.

    Raises RequestEntityTooLarge (413) for a longer one and ClientDisconnected (400)
    when it does not come whole.
    """
    request.max_content_length = most
    while piece := request.stream.read(PIECE):
        yield piece
