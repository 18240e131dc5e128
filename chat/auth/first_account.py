"""Decides who may make the first account: only a person who runs the server.

Without this, any visitor who finds the address first could become owner. So `/setup` needs a token
(``chat.auth.setup_token``), unless the request comes from the machine itself. The token is in the
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
    """Whether the visitor of this request may make the first account with this token."""
    if this_machine.asks(current_app.config, request.environ):
        return True
    return setup_token.is_right(current_app.config, given)


def start(app: Flask) -> None:
    """Log the address for the first account, if there is no account yet."""
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
    """Whether there is an account; None while MongoDB is down."""
    try:
        return Site.is_set_up()
    except PyMongoError:
        return None
