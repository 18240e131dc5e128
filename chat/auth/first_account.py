"""Who may make the first account: whoever runs the server.

Before there is an account anybody who finds the address could become owner. So `/setup` asks for a
token (``chat.auth.setup_token``), unless it is opened on the machine itself. The token is in the
log.
"""

import logging

import gevent
from flask import Flask, current_app, request
from pymongo.errors import PyMongoError

from chat.auth import setup_token
from chat.models import Site
from chat.request import this_machine

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


def may_be_made(given: str) -> bool:
    """Whether the visitor of this request may make it, with the token that was given."""
    if this_machine.asks(current_app.config, request.environ):
        return True
    return setup_token.is_right(current_app.config, given)


def start(app: Flask) -> None:
    """Say in the log where the first account is made, as long as there is none."""
    app.extensions["first_account"] = gevent.spawn(_tell, app)


def stop(app: Flask) -> None:
    if greenlet := app.extensions.get("first_account"):
        greenlet.kill(block=False)


def _tell(app: Flask) -> None:
    while (is_set_up := _is_set_up()) is None:
        gevent.sleep(RETRY_SECONDS)
    if not is_set_up:
        log.warning("%s", setup_token.sentence(app.config))


def _is_set_up() -> bool | None:
    """None while nobody can say."""
    try:
        return Site.is_set_up()
    except PyMongoError:
        return None
