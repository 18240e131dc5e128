"""Error pages. They are made without MongoDB: it may be the very thing that is away."""

from typing import Any

from flask import Flask, Response, current_app, make_response, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_login import current_user
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from chat.auth import current_user as auth
from chat.errors import ChatError, FormExpired, Uncertain
from chat.i18n import LANGUAGES
from chat.logging.redaction import went_without_mongo
from chat.models.base import DATABASE_GONE
from chat.models.driver import is_uncertain
from chat.monitoring.status import alert_texts
from chat.redis.client import redis
from chat.views import forms, resubmit
from chat.web.security import SAFE, masked_once

# After these the same form may well be taken a moment later.
MAY_SEND = (200, 403, 429, 500, 503)
ICONS = {200: "check", 404: "compass", 403: "lock", 429: "hourglass", 503: "unplug", 500: "bug"}


def init_app(app: Flask) -> None:
    """Answers for what services raise, for HTTP errors and for bugs."""
    app.register_error_handler(ChatError, known_problem)
    app.register_error_handler(FormExpired, form_expired)
    app.register_error_handler(HTTPException, http_problem)
    for gone in DATABASE_GONE:
        app.register_error_handler(gone, database_gone)


def known_problem(problem: ChatError) -> Response:
    """What a service refused, with its reason."""
    return error_page(problem.status, str(problem.detail))


def form_expired(problem: FormExpired) -> ResponseReturnValue:
    """The form again. For somebody who is no longer signed in, by way of the log-in."""
    if not auth.is_known():
        return error_page(503)
    if request.endpoint in forms.ENTRANCES:
        return forms.ENTRANCES[request.endpoint](problem)
    kept = None if current_user.is_authenticated else resubmit.typed()
    if kept is None:
        return known_problem(problem)
    ended = FormExpired(_("You've been logged out in the meantime."))
    return forms.page("auth/login.html", ended, again=kept)


def logged_in_again(kept: resubmit.Typed) -> Response:
    """What was typed before the session ended, for the new one to send."""
    title, advice = _("You're logged in again"), _("What you wrote has not been sent yet.")
    return _page(200, title, advice, kept=kept)


def database_gone(problem: PyMongoError) -> Response:
    """MongoDB did not answer in time."""
    went_without_mongo(problem)
    lost = request.method not in SAFE and is_uncertain(problem)
    response = error_page(503, Uncertain().detail if lost else "")
    response.headers["Retry-After"] = "5"
    return response


def http_problem(problem: HTTPException) -> Response:
    """What the framework refused; a bug arrives here as 500."""
    if problem.response is not None or (problem.code or 500) < 400:
        return make_response(problem.get_response())
    response = error_page(problem.code or 500)
    for name, value in problem.get_headers():
        if name.lower() in ("retry-after", "allow"):
            response.headers[name] = value
    return response


def error_page(status: int, reason: Any = "") -> Response:
    """What happened, what is safe, and what to press."""
    if not auth.is_known():
        status, reason = 503, ""
    with force_locale(_locale()):
        title, advice = explain(status)
        return _page(status, title, advice, reason, resubmit.typed())


def _page(
    status: int, title: str, advice: str, reason: Any = "", kept: resubmit.Typed | None = None
) -> Response:
    html = render_template(
        "errors/error.html",
        status=status,
        title=title,
        reason=reason if reason != title else "",
        advice=advice,
        away=_away() if status == 503 else [],
        icon_name=ICONS.get(status, "circle-alert"),
        locale=_locale(),
        token=_token() if status < 500 else "",
        kept=kept,
        may_send=status in MAY_SEND,
    )
    response = make_response(html, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _away() -> list[str]:
    """Which of the two stores does not answer, as far as is known without asking."""
    mongo = current_app.extensions["chat_status"].mongo.status
    stores = {"mongodb_down": mongo, "redis_unreachable": redis.state()["status"]}
    return [alert_texts.title(name) for name, status in stores.items() if status == "down"]


def _locale() -> str:
    """The cookie's or the browser's language: the account's would need MongoDB."""
    chosen = request.cookies.get("locale")
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def _token() -> str:
    """The session's token if it has one. A new session is never begun here: an address that is
    served without sessions would answer with a new cookie, and so sign the reader out."""
    return masked_once(str(session.get("csrfToken") or ""))


def explain(status: int) -> tuple[str, str]:
    """A title and what to do next."""
    if status in _EXPLAINED:
        return _EXPLAINED[status]()
    if status < 500:
        return _("That didn't work"), _("Go back and try again.")
    return _EXPLAINED[500]()


_EXPLAINED = {
    400: lambda: (
        _("The page was too old to send this"),
        _("Nothing was changed. Copy your text, then go back, reload the page and try again."),
    ),
    401: lambda: (
        _("Please log in"),
        _("You've been logged out. Log in to pick up where you left off."),
    ),
    403: lambda: (_("You can't do this"), _("If you need access, ask an administrator.")),
    404: lambda: (
        _("There is nothing here"),
        _("The address may be wrong, or it belongs to a channel you're not in."),
    ),
    405: lambda: (_("That didn't work"), _("Go back and try again.")),
    413: lambda: (_("That's too large"), _("Nothing was saved. Try sending less at once.")),
    422: lambda: (_("Check what you entered"), _("Go back and correct it.")),
    429: lambda: (
        _("Too many attempts"),
        _("Wait a minute, then try again. This keeps passwords safe from guessing."),
    ),
    500: lambda: (
        _("Something went wrong on our side"),
        _("The error has been logged. What you sent before is safe. Try again in a moment."),
    ),
    503: lambda: (
        _("The chat is not available right now"),
        _("The database is not responding. Everything sent so far is safe. Try again in a moment."),
    ),
}
