"""Signatures with SECRET_KEY, for values that a browser keeps for us."""

import base64
import hmac

from flask import current_app


def signature(purpose: str, value: str) -> str:
    """43 characters that only we can make. One purpose's signature is worth nothing for another."""
    secret = current_app.secret_key or ""
    secret = secret.encode() if isinstance(secret, str) else secret
    digest = hmac.digest(secret, f"{purpose}:{value}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def cookie_name(name: str) -> str:
    """The name of a cookie of ours; behind https no subdomain and no plain page can set it."""
    return f"__Host-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def cookie_place() -> dict:
    """The attributes that all cookies for the server alone share."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    return {"path": "/", "secure": secure, "httponly": True, "samesite": "Lax"}
