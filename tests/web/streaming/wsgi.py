"""The app for the tests of streamed bodies, with a route that takes one."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket or takes a lock is imported

import hashlib

from app import create_app
from chat.web import streamed_body
from tests.web.streaming import MOST, PATH

taken: list[str] = []

app = create_app()
streamed_body.declare("POST", PATH)


@app.post(PATH)
def take() -> dict[str, str]:
    """The SHA-256 of what came."""
    digest = hashlib.sha256()
    for piece in streamed_body.pieces(MOST):
        digest.update(piece)
    taken.append(digest.hexdigest())
    return {"sha256": taken[-1]}


@app.get(PATH)
def tell() -> dict[str, list[str]]:
    """What has come whole."""
    return {"taken": taken}
