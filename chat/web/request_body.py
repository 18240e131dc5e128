"""What a request brings is here before anything is done for it.

A body may come as slowly as its sender likes. Whoever waits for it in the middle of a request holds
what others need meanwhile (``chat.request.concurrency``), and has looked at rights that may have
gone by the time it ends (``chat.web.prefetch``). Whoever waits here is one of those that an address
may have only so many of (``chat.web.slow_connections``).

A sender that goes away half-way has sent no request: gunicorn hands over what has come, and Flask
would take that for the whole, and store half a message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ECONNRESET
from io import BytesIO
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore

from chat.request.client_address import of
from chat.web.slow_connections import arrivals

# For the whole of it; gunicorn itself would wait for ever.
SECONDS = 10
SLOWEST = 16_384  # bytes a second: what is longer may take longer
SMALL = 16_384  # bytes; a message is smaller, and as many of these may be here as there are callers
MOST_BIG = 256  # of the others together; each may be as long as a request may be
PATIENCE = 5.0  # seconds until one for which there is no room is told to come later

_room = BoundedSemaphore(MOST_BIG)


class TooMany(Exception):
    """So many big bodies are here already that this one has to come later."""


@contextmanager
def held(environ: dict[str, Any], most: int, proxies: int = 0) -> Iterator[None]:
    """Wait for the body and put it in its place, with its length. One of more than ``most`` bytes
    is not waited for: Flask refuses it (413).

    Raises OSError when the sender is gone or too slow, TooMany when there is no room for it.
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
        # Left to itself Flask would take the beginning for the whole.
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
    """Bytes of the body, as its sender says; 0 if the sender does not say."""
    said = environ.get("CONTENT_LENGTH") or ""
    return int(said) if said.isdecimal() else 0


def _all(sent: Any, length: int) -> bytes:
    with gevent.Timeout(SECONDS + length / SLOWEST, gone()):
        return bytes(sent.read(length))


def gone() -> OSError:
    """To gunicorn a connection that has ended: there is nobody to answer, and nothing to log."""
    return ConnectionResetError(ECONNRESET, "the body has not come whole")
