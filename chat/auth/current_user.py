"""Who is asking: from the session cookie or from a bearer token, never from both."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar
from urllib.parse import urlencode

import flask
from flask import Flask, Request, g, has_request_context, redirect, request
from flask_login import AnonymousUserMixin, UserMixin, current_user

from chat.auth import devices, form_token
from chat.auth.login_manager import login_manager
from chat.auth.sessions import interface as sessions
from chat.auth.sessions.recent import callers
from chat.cache import users
from chat.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from chat.models import AccessToken
from chat.models.base import DATABASE_GONE
from chat.models.user import at_least

P = ParamSpec("P")
R = TypeVar("R")


class SessionEnded(Protocol):
    """Told that a session of somebody is over."""

    def __call__(self, user_id: str, *, sid_hash: str) -> None: ...


OF_ONE_REQUEST = (
    "_login_user", "subject", "via_token", "guessed", "basis", "seen", "cold", "api_count",
    "form_browser", "device",
)  # fmt: skip


class Account(UserMixin):  # type: ignore[misc]
    """A person who is signed in. Facts that change come from the profile, not from the session."""

    def __init__(self, profile: dict[str, Any]) -> None:
        self.profile = profile
        self.id: str = profile["id"]
        self.nickname: str = profile["nickname"]
        self.role: str = profile["role"]
        self.status: str = profile["status"]
        self.locale: str = profile["locale"]
        self.theme: str = profile["theme"]
        self.auth_gen: int = profile["auth_gen"]

    @property
    def is_moderator(self) -> bool:
        return at_least(self.role, "moderator")

    @property
    def is_admin(self) -> bool:
        return at_least(self.role, "admin")

    @property
    def is_owner(self) -> bool:
        return self.role == "owner"


class AnonymousAccount(AnonymousUserMixin):  # type: ignore[misc]
    """Nobody in particular."""

    id = None
    nickname = role = status = locale = theme = ""
    auth_gen = 0
    is_moderator = is_admin = is_owner = False


@dataclass
class CallerListeners:
    """Who is told: that somebody has done something, and that a session has ended."""

    active: Callable[[str], None] = lambda user_id: None
    ended: SessionEnded = lambda user_id, sid_hash: None


_tell = CallerListeners()


def init_app(app: Flask, active: Callable[[str], None], ended: SessionEnded) -> None:
    """Find out who asks. ``active(user_id)`` is called at each request of somebody,
    ``ended(user_id, sid_hash=…)`` when a session has ended."""
    _tell.active, _tell.ended = active, ended
    login_manager.init_app(app)
    login_manager.anonymous_user = AnonymousAccount
    login_manager.request_loader(_load)
    app.teardown_request(_forget)


def account_for(user_id: str | None, auth_gen: int | None = None) -> Account | None:
    """The account, if it may still act: active, and not signed in before a password change."""
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
        _tell.active(account.id)
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
    g.subject = user_id  # the cohort, already for the look-up of the profile
    account = account_for(user_id, flask.session.get("auth_gen", 0))
    if account is None:
        g.subject = ""
        sessions.end_current()
        return None
    if flask.session.get("role") != account.role and _is_page():
        with suppress(Unavailable):  # then it is done the next time
            rotate(account.profile)
    if sid := sessions.current_sid():
        callers.put(sid, user_id)
    return account


def _is_page() -> bool:
    """Whether the browser takes the answer's cookie and shows the answer with its tokens."""
    return request.method == "GET" and not request.path.startswith(("/api/", "/socket.io/"))


def is_known() -> bool:
    """Whether it can be said who asks. If not, it is nobody from here on: only for an answer that
    says so, and must be made without MongoDB."""
    with suppress(*DATABASE_GONE):
        current_user._get_current_object()
        return True
    return False


def likely_user_id() -> str:
    """Whom the session names, before anybody has made sure that the account may act; or ""."""
    user_id = flask.session.get("userId")
    g.subject = user_id if isinstance(user_id, str) else ""  # the cohort of what is looked up now
    return str(g.subject)


def _bearer(request: Request) -> str | None:
    """The token of the Authorization header; None when the request does not claim to have one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def via_token() -> bool:
    """Whether this request is a program with a valid token. A foreign page cannot send one."""
    if not has_request_context() or _bearer(request) is None:
        return False
    return bool(current_user.is_authenticated and g.get("via_token"))


def log_in(profile: dict[str, Any]) -> Account:
    """Sign in: a new session id, the old one dead, stored before this returns."""
    account = Account(profile)
    sessions.renew()
    flask.session.clear()
    flask.session.update(
        userId=account.id,
        nickname=account.nickname,
        role=account.role,
        csrfToken=secrets.token_urlsafe(32),
        auth_gen=account.auth_gen,
    )
    sessions.keep()
    form_token.drop()
    devices.remember(account.nickname)
    _now_is(account)
    return account


def log_out() -> None:
    """Sign out: this session ends in both stores and on its open sockets."""
    user_id, sid = current_user.id, sessions.current_sid()
    sessions.end_current()
    form_token.drop()
    if user_id and sid:
        devices.remember(current_user.nickname)
        _tell.ended(user_id, sid_hash=sessions.sid_hash(sid))
    _now_is(AnonymousAccount())


def rotate(profile: dict[str, Any], logged_in: bool = False) -> None:
    """After a change of rights (password, role): this browser goes on under a new session id.

    ``logged_in``: the password was given, so the session counts from now.

    Whoever has the old one has nothing any more. The form token stays, so this browser's other tabs
    go on; their sockets, which are the old session's, are cut and come back with the new cookie.
    """
    old, data = sessions.current_sid(), dict(flask.session)
    names = {name: profile[name] for name in ("nickname", "role", "auth_gen")}
    sessions.renew(goes_on=not logged_in)
    flask.session.clear()
    flask.session.update(data | names)
    sessions.keep()
    devices.remember(profile["nickname"])
    _now_is(Account(profile))
    if old:
        _tell.ended(profile["id"], sid_hash=sessions.sid_hash(old))


def _now_is(account: Account | AnonymousAccount) -> None:
    g._login_user = account
    g.subject = account.id or ""


def _forget(_: BaseException | None) -> None:
    """Who asked is a fact of one request, also where several share an application context."""
    for name in OF_ONE_REQUEST:
        g.pop(name, None)


def login_required(view: Callable[P, R]) -> Callable[P, R]:
    """Nobody gets in without signing in: pages lead to /login and back, the API answers 401."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not current_user.is_authenticated:
            return _ask_to_log_in()  # type: ignore[no-any-return]
        return view(*args, **kwargs)

    return guarded


def role_required(minimum: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Only for this role and above. A page that is not for you is one that does not exist."""

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
        raise Unavailable  # nobody can say who this is: asking to log in would be a lie
    if for_program():
        raise Unauthenticated
    target = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else ""
    query = "?" + urlencode({"next": target}) if target not in ("", "/") else ""
    return redirect("/login" + query, 303)


def for_program() -> bool:
    """Whether the answer should be data rather than a page."""
    return request.path.startswith("/api/")
