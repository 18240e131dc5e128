"""Lua scripts: sent once, called by their hash, sent again when the server has forgotten them."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from redis.exceptions import NoScriptError

Call = tuple[str, list[str], list[Any]]  # the script, its keys in one Cluster slot, its arguments


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


def run_all(client: Any, calls: Sequence[Call]) -> list[Any]:
    """Many calls in one round trip; each stands alone."""
    if len(calls) == 1:
        return [run(client, *calls[0])]
    pipe = client.pipeline(transaction=False)
    for script, keys, args in calls:
        pipe.evalsha(sha_of(script), len(keys), *keys, *args)
    answers = pipe.execute(raise_on_error=False)
    for i, call in enumerate(calls):
        if isinstance(answers[i], NoScriptError):
            answers[i] = run(client, *call)
        elif isinstance(answers[i], Exception):
            raise answers[i]
    return answers  # type: ignore[no-any-return]
