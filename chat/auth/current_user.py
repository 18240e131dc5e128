"""The current user: from the session cookie or from a bearer token, never from both."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

import flask
from flask import Flask, Request, g, has_request_context, redirect, request
from flask_login import current_user

from chat.auth import login, sessions
from chat.auth.account import Account, AnonymousAccount
from chat.auth.listeners import SessionEnded, listeners
from chat.auth.login_manager import login_manager
from chat.auth.sessions.recent import callers
from chat.cache import users
from chat.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from chat.models import AccessToken
from chat.models.base import DATABASE_GONE
from chat.models.user import at_least

P = ParamSpec("P")
R = TypeVar("R")

OF_ONE_REQUEST = (
    "_login_user", "subject", "via_token", "guessed", "basis", "seen", "cold", "api_count",
    "form_browser", "device",
)  # fmt: skip


def init_app(app: Flask, active: Callable[[str], None], ended: SessionEnded) -> None:
    """Set up the log-in.

    ``active(user_id)`` is called at each request of a signed-in person,
    ``ended(user_id, sid_hash=…)`` when a session has ended.
    """
    listeners.active, listeners.ended = active, ended
    login_manager.init_app(app)
    login_manager.anonymous_user = AnonymousAccount
    login_manager.request_loader(_load)
    app.teardown_request(_forget)


def account_for(user_id: str | None, auth_gen: int | None = None) -> Account | None:
    """The account; None if it is deactivated or its password changed since the log-in.

    ``auth_gen``: the value at the log-in; each password change increments it.
    """
    profile = users.get_profile(user_id) if user_id else None
    if profile is None or not profile["active"]:
        return None
    if auth_gen is not None and profile["auth_gen"] != auth_gen:
        return None
    return Account(profile)


def _load(request: Request) -> Account | None:
    account = _by_token(request) if _bearer(request) is not None else _by_session()
    if account is not None:
        g.subject = account.id
        listeners.active(account.id)
    return account


def _by_token(request: Request) -> Account | None:
    user_id, auth_gen = AccessToken.find_owner(_bearer(request) or "") or (None, None)
    account = account_for(user_id, auth_gen)
    g.via_token = account is not None
    return account


def _by_session() -> Account | None:
    user_id = flask.session.get("userId")
    if not isinstance(user_id, str):
        return None
    g.subject = user_id  # the rollout cohort, needed for the read of the profile
    account = account_for(user_id, flask.session.get("auth_gen", 0))
    if account is None:
        g.subject = ""
        sessions.end_current()
        return None
    if flask.session.get("role") != account.role and _is_page():
        with suppress(Unavailable):  # the next request tries again
            login.rotate(account.profile)
    if sid := sessions.current_sid():
        callers.put(sid, user_id)
    return account


def _is_page() -> bool:
    """Whether the request is for a page, which may get a new cookie and new form tokens."""
    return request.method == "GET" and not request.path.startswith(("/api/", "/socket.io/"))


def is_known() -> bool:
    """Whether the caller can be determined. False if the database is down.

    Then the caller is anonymous for the rest of the request. Only for the 503 page, which must work
    without MongoDB.
    """
    with suppress(*DATABASE_GONE):
        current_user._get_current_object()
        return True
    return False


def likely_user_id() -> str:
    """The user id in the session, or "". Not verified: the account may be deactivated."""
    user_id = flask.session.get("userId")
    g.subject = user_id if isinstance(user_id, str) else ""  # the rollout cohort for the next reads
    return str(g.subject)


def _bearer(request: Request) -> str | None:
    """The bearer token of the Authorization header; None if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def via_token() -> bool:
    """Whether this request has a valid bearer token, which a page of another site cannot send."""
    if not has_request_context() or _bearer(request) is None:
        return False
    return bool(current_user.is_authenticated and g.get("via_token"))


def _forget(_: BaseException | None) -> None:
    """Delete the caller from `g` after a request: several requests may share an app context."""
    for name in OF_ONE_REQUEST:
        g.pop(name, None)


def login_required(view: Callable[P, R]) -> Callable[P, R]:
    """Decorator for signed-in people. Pages redirect to /login and back; the API sends 401."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not current_user.is_authenticated:
            return _ask_to_log_in()  # type: ignore[no-any-return]
        return view(*args, **kwargs)

    return guarded


def role_required(minimum: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: only for this role and above. Others get 404 for a page, 403 in the API."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_user.is_authenticated:
                return _ask_to_log_in()  # type: ignore[no-any-return]
            if not at_least(current_user.role, minimum):
                raise Forbidden if for_program() else NotFound
            return view(*args, **kwargs)

        return guarded

    return decorate


def _ask_to_log_in() -> Any:
    if getattr(flask.session, "degraded", False):
        raise Unavailable  # the session could not be loaded; the person may be signed in
    if for_program():
        raise Unauthenticated
    target = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else ""
    query = "?" + urlencode({"next": target}) if target not in ("", "/") else ""
    return redirect("/login" + query, 303)


def for_program() -> bool:
    """Whether the answer is data for a program, not a page."""
    return request.path.startswith("/api/")
