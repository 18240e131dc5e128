"""Masks the CSRF token of a page, so that it looks different in every answer.

A compressed page is shorter if text in it resembles a secret in it. Who can change the one and
measure the length could find the other (BREACH). A masked token is a random pad and the token
xor that pad, as in Django: it never repeats, and whoever has it can use it like the token.
"""

import base64
import binascii
import secrets


def mask(token: str) -> str:
    """The token in a random form; "" stays ""."""
    if not token:
        return ""
    plain = token.encode()
    pad = secrets.token_bytes(len(plain))
    return base64.urlsafe_b64encode(pad + _xor(pad, plain)).decode().rstrip("=")


def unmask(masked: str) -> str:
    """The token behind a masked one; what was never masked comes out as it is, or as nonsense."""
    try:
        raw = base64.b64decode(masked + "=" * (-len(masked) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        return masked
    half = len(raw) // 2
    return _xor(raw[:half], raw[half:]).decode(errors="replace") if len(raw) % 2 == 0 else masked


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
