"""The device cookie: it marks browsers that were signed in before, also after their sessions end.

Password guesses are limited by account. A browser with this cookie has its own limit, so that
guesses from other browsers cannot lock it out. The cookie gives no access: the password is still
needed. It contains no names: for each account it has a signature of the nickname.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g, has_request_context, request
from werkzeug.http import parse_cookie

from chat.auth.signing import cookie_name, cookie_place, signature
from chat.text.validate import nickname_key

NAME = "device"
LIFE = 400 * 86_400  # as long as browsers keep a cookie
LOG_IN = "/login"
MOST = 8  # accounts of one browser; the least recently used one is removed


def known() -> str | None:
    """The id of this browser, if any account was signed in with it before."""
    parts = _parts()
    return parts[0] if parts else None


def known_for(nickname: str) -> str | None:
    """The id of this browser, if this account was signed in with it before."""
    parts = _parts()
    return parts[0] if parts and _mark(parts[0], nickname) in parts[2:] else None


def is_known_for(nickname: str) -> bool:
    """Whether this account was signed in with this browser before. False outside a request."""
    return has_request_context() and known_for(nickname) is not None


def remember(nickname: str) -> None:
    """Add this account to the cookie of this browser, after a log-in; ``send`` sets the cookie."""
    parts = _parts() or _new(secrets.token_urlsafe(16))
    mark = _mark(parts[0], nickname)
    others = [each for each in parts[2:] if each != mark]
    g.device = ".".join([*parts[:2], *others[-(MOST - 1) :], mark])


def send(response: Response) -> Response:
    """Set the cookie, if ``remember`` was called in this request; for `after_request`."""
    if device := g.get("device"):
        response.set_cookie(cookie_name(NAME), device, max_age=LIFE, **cookie_place())
    return response


def is_ours(cookies: Mapping[str, str]) -> bool:
    """Whether a browser with these cookies was signed in before. Does no I/O."""
    return bool(_parts_of(cookies))


def is_log_in_of_a_stranger(app: Flask, environ: dict[str, Any]) -> bool:
    """Whether a WSGI request is a log-in from an unknown browser. Does no I/O."""
    if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] != LOG_IN:
        return False
    with app.app_context():
        return not is_ours(parse_cookie(environ.get("HTTP_COOKIE", "")))


def _parts() -> list[str]:
    return _parts_of(request.cookies)


def _parts_of(cookies: Mapping[str, str]) -> list[str]:
    """Id, signature of the id, marks of the accounts; [] if the cookie is missing or invalid."""
    sent = cookies.get(cookie_name(NAME), "")
    parts = sent.split(".") if len(sent) < 1000 else []
    return parts if len(parts) > 2 and parts[:2] == _new(parts[0]) else []


def _new(browser: str) -> list[str]:
    return [browser, signature(NAME, browser)]


def _mark(browser: str, nickname: str) -> str:
    return signature(NAME, f"{browser}:{nickname_key(nickname)}")[:22]
