"""Protection of the browser's user: CSRF tokens, security headers, proxies, safe redirects."""

import hmac
import re
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import flask
from flask import Flask, Response, current_app, g, has_request_context, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import RequestRedirect

from chat.auth import current_user, form_token, token_mask
from chat.errors import FormExpired, Unavailable
from chat.request.url_path import is_within

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
MAX_REQUEST = 256 * 1024
MOST_TOKEN = 1000  # letters of a masked token; a longer one matches nothing
HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; manifest-src 'self'; connect-src {connect}; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def init_app(app: Flask) -> None:
    """Limit the size of requests to MAX_REQUEST bytes."""
    app.config.update(MAX_CONTENT_LENGTH=MAX_REQUEST, MAX_FORM_MEMORY_SIZE=MAX_REQUEST)


def behind_proxies(app: Flask, wrapped: Any) -> Any:
    """Middleware: takes the client's address and scheme from the headers of trusted proxies."""
    proxies = int(app.config.get("TRUSTED_PROXIES") or 0)
    if not proxies:
        return wrapped
    return ProxyFix(wrapped, x_for=proxies, x_proto=proxies, x_host=0, x_port=0, x_prefix=0)


# -- forged requests -----------------------------------------------------------------------------


def csrf_token() -> str:
    """The masked token of the session, else of the browser; "" if the session cannot be loaded.

    It differs from answer to answer and is the same in all forms of one page.
    """
    if not has_request_context() or getattr(flask.session, "degraded", False):
        return ""
    return masked_once(_token_of_session() or form_token.token())


def masked_once(token: str) -> str:
    """The token, masked in the same way each time that this request asks."""
    if g.get("masked_token", ("", ""))[0] != token:
        g.masked_token = (token, token_mask.mask(token))
    return str(g.masked_token[1]) if token else ""


def check_csrf() -> None:
    """Refuse an unsafe request without the token of its session or browser (FormExpired)."""
    if request.method in SAFE or (current_user.for_program() and current_user.via_token()):
        return  # access tokens count only in the API, not for forms, which can create tokens
    expected = _token_of_session() or form_token.expected()
    given = request.headers.get("X-CSRFToken") or request.form.get("csrf_token") or ""
    if not token_matches(expected, given):
        if not _token_of_session() and _mongo_is_down():
            raise Unavailable  # sessions cannot be loaded or created now; the form may be right
        raise FormExpired(_why_expired())


def _mongo_is_down() -> bool:
    status = current_app.extensions.get("chat_status")
    return status is not None and status.mongo.status == "down"


def _why_expired() -> Any:
    """The most likely cause of a wrong token, as text for the user: often missing cookies."""
    if form_token.has_cookie() or request.cookies.get(current_app.config["SESSION_COOKIE_NAME"]):
        return _l("This form has expired. Check what you entered and send it again.")
    if current_app.config["SESSION_COOKIE_SECURE"] and not request.is_secure:
        return _l("Your browser keeps no cookies for this site over plain http. Use https.")
    return _l("Your browser sent no cookie. Allow cookies for this site and send the form again.")


def _token_of_session() -> str:
    token = flask.session.get("csrfToken")
    return token if isinstance(token, str) else ""


def token_matches(expected: object, given: object) -> bool:
    """Compare two tokens in constant time; the given one may be masked. False if one is missing.

    A token from a socket may contain lone surrogates, which cannot be encoded; they are replaced.
    """
    if not isinstance(expected, str) or not isinstance(given, str) or not expected:
        return False
    plain = token_mask.unmask(given[:MOST_TOKEN])
    matches = [
        hmac.compare_digest(expected.encode(), one.encode(errors="replace"))
        for one in (given, plain)
    ]
    return any(matches)


# -- headers -------------------------------------------------------------------------------------


def set_headers(response: Response) -> Response:
    """Add the security headers and the default Cache-Control to an answer; for `after_request`."""
    given = {name.lower() for name in response.headers.keys()}  # noqa: SIM118  not their values
    if isinstance(request.routing_exception, RequestRedirect):
        response.location = _without_host(response.location or "/")
    place = _public_place() or (request.host, request.is_secure)
    ours = _headers(*place, request.is_secure)
    response.headers.extend([each for each in ours if each[0].lower() not in given])
    if "cache-control" not in given and not request.path.startswith("/static/"):
        # With an ETag the browser may store the answer, but must revalidate it each time.
        private = "private, no-cache" if "etag" in given else "private, no-store"
        response.headers.add("Cache-Control", private)
    return response


@lru_cache(maxsize=64)
def _headers(host: str, tls: bool, is_secure: bool) -> tuple[tuple[str, str], ...]:
    """The default headers of every answer. ``tls``: whether ``host`` uses https."""
    # Only new browsers apply 'self' to WebSockets, so the host is named for older ones.
    connect = "'self'"
    if HOST.fullmatch(host):
        connect += f" {'wss' if tls else 'ws'}://{host}"
    secure = {"Strict-Transport-Security": "max-age=31536000"} if is_secure else {}
    policy = {"Content-Security-Policy": POLICY.format(connect=connect)}
    return tuple({**HEADERS, **policy, **secure}.items())


def to_https() -> ResponseReturnValue | None:
    """Redirect http to https, in production behind a trusted proxy; health checks may use http."""
    config = current_app.config
    if not config.get("PRODUCTION") or not config.get("TRUSTED_PROXIES") or request.is_secure:
        return None
    if is_within(request.path, ["/health"]) or (config.get("PUBLIC_URL") or "").startswith("http:"):
        return None
    public = _public_place()
    site = public[0] if public else request.host
    return redirect(f"https://{site}{request.full_path.rstrip('?')}", 308)


# -- the site's own address ----------------------------------------------------------------------


def site_address() -> str:
    """The address of the site without a slash at the end: PUBLIC_URL, else from the request."""
    return str(current_app.config.get("PUBLIC_URL") or request.host_url).rstrip("/")


def _public_place() -> tuple[str, bool] | None:
    """(host, is https) of PUBLIC_URL; None if it is not set. If it is, Host headers are ignored."""
    url = current_app.config.get("PUBLIC_URL")
    return _place(url) if url else None


@lru_cache(maxsize=8)
def _place(url: str) -> tuple[str, bool]:
    parts = urlsplit(url)
    return parts.netloc, parts.scheme == "https"


def _without_host(location: str) -> str:
    """The location of a router's redirect without the host, which comes from the request."""
    parts = urlsplit(location)
    return urlunsplit(("", "", "/" + parts.path.lstrip("/"), parts.query, parts.fragment))


# -- redirects -----------------------------------------------------------------------------------


def safe_next(target: str | None) -> str | None:
    """The target if it is a path on this site; else None. Refuses hosts, schemes and tricks."""
    if not target or not target.startswith("/") or target.startswith("//") or len(target) > 2000:
        return None
    if "\\" in target or any(ord(c) < 33 or ord(c) == 127 for c in target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target
