"""The origin check for sockets: only pages of our own exact origin may open one."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """scheme://host[:port] in lower case, no default port; "" if ``url`` is no web address."""
    try:
        parts = urlsplit(url.strip().lower())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = port in (None, DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{port}"


def checker(app: Flask) -> Callable[[str | None, dict[str, Any]], bool]:
    """The origin check for engine.io.

    With PUBLIC_URL only that origin is allowed; Host and X-Forwarded-Host are not trusted.
    """
    public = origin_of(app.config.get("PUBLIC_URL") or "")

    def is_ours(origin: str | None, environ: dict[str, Any]) -> bool:
        ours = {public} if public else _asked_for(environ)
        return origin is not None and origin_of(origin) in ours

    return is_ours


def _asked_for(environ: dict[str, Any]) -> set[str]:
    """The origins that fit the Host header. https is included, because behind a proxy that
    terminates TLS the request arrives as http."""
    host = environ.get("HTTP_HOST", "")
    schemes = (environ.get("wsgi.url_scheme", "http"), "https")
    return {origin_of(f"{scheme}://{host}") for scheme in schemes} - {""}


def named(environ: dict[str, Any]) -> None:
    """Replace an empty Origin header with "null", as browsers send for "no origin".

    engine.io would not check an empty one. A missing header stays missing: programs send none.
    """
    if "HTTP_ORIGIN" in environ and not environ["HTTP_ORIGIN"].strip():
        environ["HTTP_ORIGIN"] = "null"
