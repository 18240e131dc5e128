"""The names of a session: its id, the hash under which it is known, and the id under a seal."""

import base64
import hashlib
import hmac

from flask import current_app


def sid_hash(sid: str) -> str:
    """The name under which logs, rooms and MongoDB know a session; not enough to be it."""
    return hashlib.sha256(sid.encode()).hexdigest()


def seal(sid: str) -> bytes:
    """The id, readable only with SECRET_KEY. The pad is used only for this one."""
    raw = base64.urlsafe_b64decode(sid + "=")
    return bytes(a ^ b for a, b in zip(raw, _pad(sid_hash(sid)), strict=True))


def unseal(sealed: bytes | None, key: str) -> str | None:
    """The id whose hash is `key`, or None if this SECRET_KEY did not seal it."""
    if not sealed or len(sealed) != 32:
        return None
    raw = bytes(a ^ b for a, b in zip(sealed, _pad(key), strict=True))
    sid = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return sid if sid_hash(sid) == key else None


def _pad(key: str) -> bytes:
    secret = current_app.secret_key or ""
    secret = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(secret, b"session:" + key.encode(), "sha256")
