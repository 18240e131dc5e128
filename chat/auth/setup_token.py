"""The set-up token: it proves that a visitor runs this server, before there is an account.

It is derived from SECRET_KEY, so all processes know the same one and it is not stored.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

PATH = "/setup"
PURPOSE = b"the first account"
LENGTH = 32


def token(config: Mapping[str, Any]) -> str:
    key = str(config["SECRET_KEY"]).encode()
    return hmac.new(key, PURPOSE, hashlib.sha256).hexdigest()[:LENGTH]


def is_right(config: Mapping[str, Any], given: str) -> bool:
    return hmac.compare_digest(given.strip().encode("utf-8", "replace"), token(config).encode())


def sentence(config: Mapping[str, Any], site: str = "") -> str:
    """A sentence with the address for the first account, under PUBLIC_URL or else ``site``."""
    address = f"{config.get('PUBLIC_URL') or site}{PATH}?{urlencode({'token': token(config)})}"
    return f"there is no account yet: make the first one at {address}"
