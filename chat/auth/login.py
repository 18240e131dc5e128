"""Log in, log out, and give a browser a new session when rights change."""

import secrets
from typing import Any

import flask
from flask import g
from flask_login import current_user

from chat.auth import form_token, known_browsers, sessions
from chat.auth.account import Account, AnonymousAccount
from chat.auth.listeners import listeners


def log_in(profile: dict[str, Any]) -> Account:
    """Sign in: end the old session and store a new one before this function returns."""
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
    known_browsers.remember(account.nickname)
    _now_is(account)
    return account


def log_out() -> None:
    """Sign out: end this session in Redis and MongoDB, and disconnect its sockets."""
    user_id, sid = current_user.id, sessions.current_sid()
    sessions.end_current()
    form_token.drop()
    if user_id and sid:
        known_browsers.remember(current_user.nickname)
        listeners.ended(user_id, sid_hash=sessions.sid_hash(sid))
    _now_is(AnonymousAccount())


def rotate(profile: dict[str, Any], logged_in: bool = False) -> None:
    """Give this browser a new session id after a change of rights (password, role).

    ``logged_in``: the password was given, so the lifetime of the session starts again.

    The old id is useless afterwards. The CSRF token stays, so other tabs of this browser still
    work. Their sockets belong to the old session; they are disconnected and reconnect with the new
    cookie.
    """
    old, data = sessions.current_sid(), dict(flask.session)
    names = {name: profile[name] for name in ("nickname", "role", "auth_gen")}
    sessions.renew(goes_on=not logged_in)
    flask.session.clear()
    flask.session.update(data | names)
    sessions.keep()
    known_browsers.remember(profile["nickname"])
    _now_is(Account(profile))
    if old:
        listeners.ended(profile["id"], sid_hash=sessions.sid_hash(old))


def _now_is(account: Account | AnonymousAccount) -> None:
    g._login_user = account
    g.subject = account.id or ""
