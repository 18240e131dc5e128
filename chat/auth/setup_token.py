"""The token that proves, before there is an account, that somebody runs this server.

It follows from SECRET_KEY: all processes know the same one, and nothing is stored.
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
    """Where to make the first account; at ``site`` unless PUBLIC_URL says where that is."""
    address = f"{config.get('PUBLIC_URL') or site}{PATH}?{urlencode({'token': token(config)})}"
    return f"there is no account yet: make the first one at {address}"
