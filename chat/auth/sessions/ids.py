"""The identifiers of a session: its secret id, the hash of the id, and the encrypted id."""

import base64
import hashlib
import hmac
import re

from flask import current_app

SID = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def sid_hash(sid: str) -> str:
    """The hash of a session id, for logs, rooms and MongoDB. It cannot be used as a cookie."""
    return hashlib.sha256(sid.encode()).hexdigest()


def seal(sid: str) -> bytes:
    """Encrypt an id with SECRET_KEY. The pad depends on the id, so it is used only once."""
    raw = base64.urlsafe_b64decode(sid + "=")
    return bytes(a ^ b for a, b in zip(raw, _pad(sid_hash(sid)), strict=True))


def unseal(sealed: bytes | None, key: str) -> str | None:
    """Decrypt the id whose hash is `key`; None if it was sealed with another SECRET_KEY."""
    if not sealed or len(sealed) != 32:
        return None
    raw = bytes(a ^ b for a, b in zip(sealed, _pad(key), strict=True))
    sid = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return sid if sid_hash(sid) == key else None


def _pad(key: str) -> bytes:
    secret = current_app.secret_key or ""
    secret = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(secret, b"session:" + key.encode(), "sha256")
