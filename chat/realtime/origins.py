"""Which pages may open a socket: our own, by exact origin."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """scheme://host[:port] in one spelling; empty for what is no web address."""
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
    """The check engine.io asks. X-Forwarded-Host is not believed: PUBLIC_URL names another host."""
    public = origin_of(app.config.get("PUBLIC_URL") or "")

    def is_ours(origin: str | None, environ: dict[str, Any]) -> bool:
        host = environ.get("HTTP_HOST", "")
        # Behind a proxy that ends TLS the request itself looks like plain http.
        ours = {origin_of(f"{environ.get('wsgi.url_scheme', 'http')}://{host}"),
                origin_of(f"https://{host}"), public} - {""}  # fmt: skip
        return origin is not None and origin_of(origin) in ours

    return is_ours
