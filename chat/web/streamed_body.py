"""Streams request bodies in pieces, for routes that declare it: a file may not fit into memory.

All other bodies are read completely before the request begins (``chat.web.request_body``). A
streamed body is read by its view while it arrives. While the view waits for a piece, it gives its
turn back, so slow clients do not delay others. Waiting counts for the limit of waiting connections.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from flask import request
from gevent.lock import BoundedSemaphore
from werkzeug.exceptions import ClientDisconnected

from chat.request.client_address import of
from chat.request.concurrency import turns
from chat.web import request_body
from chat.web.by_address import ByAddress
from chat.web.slow_senders import arrivals

PIECE = 64 * 1024  # bytes of one body in memory
MOST_AT_ONCE = 64  # in one process
MOST_OF_ONE = 16  # of one address

_room = BoundedSemaphore(MOST_AT_ONCE)
_senders = ByAddress(MOST_OF_ONE, request_body.TooMany)
_routes: list[tuple[str, re.Pattern[str]]] = []  # method and path


def declare(method: str, path: str) -> None:
    """Stream the bodies of ``method`` requests whose path matches the regular expression."""
    _routes.append((method, re.compile(path)))


def is_streamed(environ: dict[str, Any]) -> bool:
    """Whether the body is streamed: its route is declared, its length is known and not small."""
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
        """Read up to PIECE bytes, fewer only at the end; the number of bytes, 0 after the end."""
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


@contextmanager
def held(environ: dict[str, Any], proxies: int) -> Iterator[None]:
    """Put the stream into the environment, for as long as the request takes.

    Raises ``request_body.TooMany`` if there are already MOST_AT_ONCE streams, or MOST_OF_ONE of
    this address.
    """
    with _senders.taken(of(environ, proxies)):
        if not _room.acquire(timeout=request_body.PATIENCE):
            raise request_body.TooMany
        try:
            body = Arriving(environ, request_body.length_of(environ), proxies)
            environ["wsgi.input"] = io.BufferedReader(body, PIECE)
            yield
        finally:
            _room.release()


def pieces(most: int) -> Iterator[bytes]:
    """The body of this request in pieces, for the view of a declared route.

    Raises RequestEntityTooLarge (413) for a longer one and ClientDisconnected (400)
    when it does not come whole.
    """
    request.max_content_length = most
    while piece := request.stream.read(PIECE):
        yield piece
