"""Lua scripts: sent once, called by their hash, sent again when the server has forgotten them."""

import hashlib
from functools import lru_cache
from typing import Any

from redis.exceptions import NoScriptError


@lru_cache(maxsize=256)
def sha_of(script: str) -> str:
    # The server's own name for the script, not a security measure.
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def run(client: Any, script: str, keys: list[str], args: list[Any]) -> Any:
    """EVALSHA, and EVAL (which also loads) where the server does not know the script yet."""
    try:
        return client.evalsha(sha_of(script), len(keys), *keys, *args)
    except NoScriptError:
        return client.eval(script, len(keys), *keys, *args)
