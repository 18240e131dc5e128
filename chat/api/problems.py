"""Every error under /api as RFC 9457 problem details."""

import msgspec
from flask import Blueprint, Response, request, session
from flask_login import current_user
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from chat import errors
from chat.auth import current_user as auth
from chat.logging.redaction import went_without_mongo
from chat.models.base import DATABASE_GONE
from chat.models.driver import is_uncertain
from chat.web.security import SAFE

TYPE = "application/problem+json"

_NAMES = {cls.status: cls.name for cls in errors.ChatError.__subclasses__()} | {
    405: "method_not_allowed",
    415: "unsupported_type",
    500: "server",
}


def init(blueprint: Blueprint) -> None:
    """Answer for everything that can be raised on the way to or in a view of this blueprint."""
    blueprint.register_error_handler(errors.ChatError, from_chat)
    blueprint.register_error_handler(HTTPException, from_http)
    for gone in DATABASE_GONE:
        blueprint.register_error_handler(gone, from_mongo)


def from_chat(error: errors.ChatError) -> Response:
    """One of our own errors; its extras become members of the answer."""
    error = _first_reason(error) if auth.is_known() else errors.Unavailable()
    members = {"field": getattr(error, "field", ""), **error.extra}
    answer = problem(error.status, str(error.title), str(error.detail), error.name, **members)
    if "retry_after" in error.extra:
        answer.headers["Retry-After"] = str(int(error.extra["retry_after"]) + 1)
    return answer


def from_http(error: HTTPException) -> Response:
    """One of Werkzeug's, raised by Flask itself: 404, 405, 413, 429 and so on."""
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    status = error.code or 500
    title = HTTP_STATUS_CODES.get(status, "Error")
    answer = problem(status, title, error.description or title, _NAMES.get(status, "http"))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    return answer


def from_mongo(error: PyMongoError) -> Response:
    """The database is away, and perhaps was told of a change before it went."""
    went_without_mongo(error)
    lost = request.method not in SAFE and is_uncertain(error)
    return from_chat(errors.Uncertain() if lost else errors.Unavailable())


def _first_reason(error: errors.ChatError) -> errors.ChatError:
    """Who calls comes before what they may do: nobody is told 401 even where CSRF failed first.

    While no store can say whose session it is, that is the reason, and not that it has ended.
    """
    if error.status not in (401, 403) or current_user.is_authenticated:
        return error
    if getattr(session, "degraded", False) and "Authorization" not in request.headers:
        return errors.Unavailable()
    return errors.Unauthenticated()


def problem(status: int, title: str, detail: str, name: str, **members: object) -> Response:
    """The answer itself; members without a value are left out."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    body["error"] = name
    body |= {key: value for key, value in members.items() if value not in ("", None)}
    return Response(msgspec.json.encode(body, enc_hook=str), status, content_type=TYPE)
