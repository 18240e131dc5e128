"""What a request brings is here before anything is done for it.

A body may come as slowly as its sender likes. Whoever waits for it in the middle of a request holds
what others need meanwhile (``chat.turns``), and has looked at rights that may have gone by the time
it ends (``chat.ahead``).

A sender that goes away half-way has sent no request: gunicorn hands over what has come, and Flask
would take that for the whole, and store half a message.
"""

from errno import ECONNRESET
from io import BytesIO
from typing import Any

import gevent

SECONDS = 30  # for the whole of it; gunicorn itself would wait for ever


def read(environ: dict[str, Any], most: int) -> None:
    """Wait for the body and put it in its place, with its length. One of more than ``most`` bytes
    is not waited for: Flask refuses it (413). OSError when the sender is gone, or too slow."""
    said = environ.get("CONTENT_LENGTH") or ""
    if environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
        # It comes in chunks. Left to itself Flask would take the beginning for the whole.
        del environ["HTTP_TRANSFER_ENCODING"]
        body = _all(environ["wsgi.input"], most + 1)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
    elif said.isdigit() and 0 < int(said) <= most:
        body = _all(environ["wsgi.input"], int(said))
        if len(body) < int(said):
            raise _gone()
        environ["wsgi.input"] = BytesIO(body)


def _all(sent: Any, length: int) -> bytes:
    with gevent.Timeout(SECONDS, _gone()):
        return bytes(sent.read(length))


def _gone() -> OSError:
    """To gunicorn a connection that has ended: there is nobody to answer, and nothing to log."""
    return ConnectionResetError(ECONNRESET, "the body has not come whole")
