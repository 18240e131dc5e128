"""What a request brings is here before anything is done for it.

A body may come as slowly as its sender likes. Whoever waits for it in the middle of a request holds
what others need meanwhile (``chat.turns``), and has looked at rights that may have gone by the time
it ends (``chat.ahead``).
"""

from io import BytesIO
from typing import Any


def read(environ: dict[str, Any], most: int) -> None:
    """Wait for the body and put it in its place, with its length. One of more than ``most`` bytes
    is not waited for: Flask refuses it (413). OSError when the sender is gone."""
    said = environ.get("CONTENT_LENGTH") or ""
    if environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
        # It comes in chunks. Left to itself Flask would take the beginning for the whole.
        del environ["HTTP_TRANSFER_ENCODING"]
        body = environ["wsgi.input"].read(most + 1)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
    elif said.isdigit() and 0 < int(said) <= most:
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(said)))
