"""Reads the whole body of a request before the request takes a turn.

A client may send a body slowly. If a request waited for its body later, it would hold a turn that
others need (``chat.request.concurrency``), and its permission checks could be outdated when the
body ends (``chat.web.prefetch``). Waiting here counts for the limit of waiting connections
(``chat.web.slow_senders``).

If the client disconnects early, gunicorn passes on the received part, and Flask would take it for
the whole body and store half a message. So an incomplete body is an error here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ECONNRESET
from io import BytesIO
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore

from chat.request.client_address import of
from chat.web.slow_senders import arrivals

# The time limit for a body: SECONDS plus its length / SLOWEST. gunicorn has no limit.
SECONDS = 10
SLOWEST = 16_384  # bytes a second
SMALL = 16_384  # bytes; a message is smaller. The number of small bodies is not limited.
MOST_BIG = 256  # bigger bodies in memory at once, each up to the limit for a request
PATIENCE = 5.0  # seconds; then a big body for which there is no room is refused (TooMany)

_room = BoundedSemaphore(MOST_BIG)


class TooMany(Exception):
    """There are already MOST_BIG big bodies in memory."""


@contextmanager
def held(environ: dict[str, Any], most: int, proxies: int = 0) -> Iterator[None]:
    """Read the body and put it into the environment with its length, while the block runs.

    A body with a declared length over ``most`` bytes is not read: Flask refuses it (413). Raises
    OSError if the client is gone or too slow, TooMany if there is no room for the body.
    """
    big = _is_in_chunks(environ) or length_of(environ) > SMALL
    if big and not _room.acquire(timeout=PATIENCE):
        raise TooMany
    try:
        if big or length_of(environ):
            with arrivals.waited_for(environ.get("gunicorn.socket"), of(environ, proxies)):
                _read(environ, most)
        yield
    finally:
        if big:
            _room.release()


def _read(environ: dict[str, Any], most: int) -> None:
    if _is_in_chunks(environ):
        # Flask would take an incomplete chunked body for the whole.
        del environ["HTTP_TRANSFER_ENCODING"]
        body = _all(environ["wsgi.input"], most + 1)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
    elif 0 < (length := length_of(environ)) <= most:
        body = _all(environ["wsgi.input"], length)
        if len(body) < length:
            raise gone()
        environ["wsgi.input"] = BytesIO(body)


def _is_in_chunks(environ: dict[str, Any]) -> bool:
    return bool(environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ)


def length_of(environ: dict[str, Any]) -> int:
    """The declared length of the body in bytes (Content-Length); 0 if there is none."""
    said = environ.get("CONTENT_LENGTH") or ""
    return int(said) if said.isdecimal() else 0


def _all(sent: Any, length: int) -> bytes:
    with gevent.Timeout(SECONDS + length / SLOWEST, gone()):
        return bytes(sent.read(length))


def gone() -> OSError:
    """The error for an incomplete body. gunicorn handles it as a closed connection: no answer."""
    return ConnectionResetError(ECONNRESET, "the body has not come whole")
