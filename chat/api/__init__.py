"""The JSON API: the nouns of the pages under /api, described at /api/openapi.json.

A view here reads typed values, calls one service, and returns plain data; `routing` does the
rest. Who may do what is decided in the services and in `chat.auth.permissions`.
"""

from typing import NoReturn

from flask import Blueprint, Flask, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter

from chat.api import (
    channels,
    emoji,
    invites,
    me,
    messages,
    openapi,
    places,
    problems,
    reactions,
    tokens,
    users,
)
from chat.errors import NotFound
from chat.web.rate_limits import limit_api

NOUNS = (
    me.noun, users.noun, channels.noun, places.noun, messages.noun, reactions.noun, emoji.noun,
    invites.noun, tokens.noun,
)  # fmt: skip
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"]


def init_app(app: Flask) -> None:
    """Registers every noun under /api, its description, and an answer for what is not there."""
    api = Blueprint("api", __name__, url_prefix="/api")
    problems.init(api)
    api.before_request(limit_api)
    for noun in NOUNS:
        api.register_blueprint(noun)
    api.register_blueprint(openapi.noun_for(NOUNS))
    api.add_url_rule(
        "/", "nothing", _nothing, methods=_METHODS, defaults={"path": ""}, strict_slashes=False
    )
    api.add_url_rule("/<path:path>", "nothing", _nothing, methods=_METHODS)
    app.register_blueprint(api)


def _nothing(path: str) -> NoReturn:
    """404, or 405 where another method would do, as problem details.

    Flask's own answers to these belong to no blueprint and would be the pages'.
    """
    adapter = current_app.create_url_adapter(request)
    allowed = [method for method in _METHODS if adapter and _served(adapter, method)]
    raise MethodNotAllowed(allowed) if allowed else NotFound


def _served(adapter: MapAdapter, method: str) -> bool:
    try:
        return adapter.match(method=method)[0] != "api.nothing"
    except HTTPException:
        return False
