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
    """The check engine.io asks. Where PUBLIC_URL names the site, nothing else is ours: neither
    Host nor X-Forwarded-Host is believed."""
    public = origin_of(app.config.get("PUBLIC_URL") or "")

    def is_ours(origin: str | None, environ: dict[str, Any]) -> bool:
        ours = {public} if public else _asked_for(environ)
        return origin is not None and origin_of(origin) in ours

    return is_ours


def _asked_for(environ: dict[str, Any]) -> set[str]:
    """The origin that the request names itself. Behind a proxy that ends TLS it looks like plain
    http."""
    host = environ.get("HTTP_HOST", "")
    schemes = (environ.get("wsgi.url_scheme", "http"), "https")
    return {origin_of(f"{scheme}://{host}") for scheme in schemes} - {""}


def named(environ: dict[str, Any]) -> None:
    """Give an empty Origin the name that browsers use for "none": engine.io checks only what is
    not empty. Programs send no such header at all."""
    if "HTTP_ORIGIN" in environ and not environ["HTTP_ORIGIN"].strip():
        environ["HTTP_ORIGIN"] = "null"
