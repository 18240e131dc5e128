"""Lua scripts: sent once, called by their hash, sent again when the server has forgotten them."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from redis.cluster import RedisCluster
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


def run_many(client: Any, script: str, calls: list[tuple[list[str], list[Any]]]) -> list[Any]:
    """The same script for many (keys, args) in one round trip; each call stands alone."""
    pipe = client.pipeline(transaction=False)
    for keys, args in calls:
        pipe.evalsha(sha_of(script), len(keys), *keys, *args)
    answers = pipe.execute(raise_on_error=False)
    for i, (keys, args) in enumerate(calls):
        if isinstance(answers[i], NoScriptError):
            answers[i] = run(client, script, keys, args)
        elif isinstance(answers[i], Exception):
            raise answers[i]
    return answers


Call = tuple[list[str], list[Any]]


def run_many(client: Any, script: str, calls: Sequence[Call]) -> list[Any]:
    """One script for many (keys, args) in one round trip; it must be harmless to run twice."""
    if isinstance(client, RedisCluster):  # no pipeline over several slots for scripts
        return [run(client, script, keys, args) for keys, args in calls]
    try:
        return _pipeline(client, script, calls)
    except NoScriptError:
        client.script_load(script)
        return _pipeline(client, script, calls)


def _pipeline(client: Any, script: str, calls: Sequence[Call]) -> list[Any]:
    pipe = client.pipeline(transaction=False)
    for keys, args in calls:
        pipe.evalsha(sha_of(script), len(keys), *keys, *args)
    return pipe.execute()  # type: ignore[no-any-return]
