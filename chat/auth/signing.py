"""Signatures with SECRET_KEY for values that are stored in the browser."""

import base64
import hmac

from flask import current_app


def signature(purpose: str, value: str) -> str:
    """A signature of 43 characters, valid only for the same ``purpose``."""
    secret = current_app.secret_key or ""
    secret = secret.encode() if isinstance(secret, str) else secret
    digest = hmac.digest(secret, f"{purpose}:{value}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def cookie_name(name: str) -> str:
    """The name of a cookie; over https with __Host-, so that subdomains and http cannot set it."""
    return f"__Host-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def cookie_place() -> dict:
    """The attributes of all cookies that only the server reads (HttpOnly)."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    return {"path": "/", "secure": secure, "httponly": True, "samesite": "Lax"}
