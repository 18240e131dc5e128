"""The CSRF token of an anonymous visitor. It needs no storage.

The browser gets a random cookie, and its forms contain a signature of that cookie. Another site
can read neither the page nor the cookie, so it cannot send both. Visitors get no session before
they log in: otherwise each visit would be stored in Redis and MongoDB.
"""

import re
import secrets

from flask import Response, g, request

from chat.auth.signing import cookie_name, cookie_place, signature

NAME = "form"
BROWSER = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def token() -> str:
    """The token for the forms of this page. The answer sets the cookie if there is none yet."""
    if not g.get("form_browser"):
        kept = _sent() if "form_browser" not in g else None  # after ``drop`` make a new one
        g.form_browser = kept or secrets.token_urlsafe(32)
    return signature(NAME, g.form_browser)


def expected() -> str | None:
    """The token that a form of this browser must have; None without the cookie."""
    sent = _sent()
    return signature(NAME, sent) if sent else None


def has_cookie() -> bool:
    """Whether this browser sends the cookie back."""
    return _sent() is not None


def drop() -> None:
    """Delete the cookie, after a log-in or log-out. The next anonymous form gets a new token."""
    g.form_browser = ""


def send(response: Response) -> Response:
    """Set or delete the cookie, if this request needs that; for `after_request`."""
    wanted, sent = g.get("form_browser"), _sent()
    if wanted and wanted != sent:
        response.set_cookie(cookie_name(NAME), wanted, **cookie_place())
    elif wanted == "" and sent:
        response.delete_cookie(cookie_name(NAME), **cookie_place())
    return response


def _sent() -> str | None:
    found = request.cookies.get(cookie_name(NAME), "")
    return found if BROWSER.match(found) else None
