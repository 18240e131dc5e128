"""What a request brings is here before anything is done for it.

A body may come as slowly as its sender likes. Whoever waits for it in the middle of a request holds
what others need meanwhile (``chat.turns``), and has looked at rights that may have gone by the time
it ends (``chat.ahead``).
"""

from io import BytesIO
from typing import Any


def read(environ: dict[str, Any], most: int) -> None:
    """Wait for the body and put it in its place. One of more than ``most`` bytes is not waited for:
    Flask refuses it (413). OSError when the sender is gone."""
    said = environ.get("CONTENT_LENGTH") or ""
    if not said.isdigit():
        if environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
            _replace(environ, most + 1)
    elif 0 < int(said) <= most:
        _replace(environ, int(said))


def _replace(environ: dict[str, Any], length: int) -> None:
    environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(length))
