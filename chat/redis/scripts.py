"""Lua scripts: sent once, called by their hash, sent again when the server has forgotten them."""

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from redis.exceptions import NoScriptError

from chat.redis.answers import is_moving
from chat.redis.cluster import side_by_side
from chat.redis.together import Client, Command

Call = tuple[str, list[str], list[Any]]  # the script, its keys in one Cluster slot, its arguments
Steps = Callable[[Any, list[str], list[Any]], Any]

_steps: dict[str, Steps] = {}


def in_steps(script: str, steps: Steps) -> None:
    """How to do the same key by key, in an order that is safe whoever comes in between.

    While a Cluster moves a slot to another node it refuses every script on keys that are not all
    at the same place, for as long as that takes. What may be missed then needs no such way.
    """
    _steps[script] = steps


@lru_cache(maxsize=256)
def sha_of(script: str) -> str:
    # The server's own name for the script, not a security measure.
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def run(client: Any, script: str, keys: list[str], args: list[Any]) -> Any:
    """EVALSHA, and EVAL (which also loads) where the server does not know the script yet."""
    try:
        return _run(client, script, keys, args)
    except Exception as error:
        if script in _steps and is_moving(error):
            return _steps[script](client, keys, args)
        raise


def _run(client: Any, script: str, keys: list[str], args: list[Any]) -> Any:
    answer = _send(client, [_by_hash(script, keys, args)])[0]
    if isinstance(answer, NoScriptError):
        answer = _send(client, [("EVAL", script, len(keys), *keys, *args)])[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


def _by_hash(script: str, keys: list[str], args: list[Any]) -> Command:
    return ("EVALSHA", sha_of(script), len(keys), *keys, *args)


def _send(client: Any, commands: Sequence[Command]) -> list[Any]:
    """One round trip; a refusal is an answer."""
    if isinstance(client, Client):
        return client.together(commands)
    # The Cluster's own way for one command would try again with pauses while a slot moves.
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe.execute(raise_on_error=False)  # type: ignore[no-any-return]


def run_all(client: Any, calls: Sequence[Call]) -> list[Any]:
    """Many calls in one round trip; each stands alone."""
    if len(calls) == 1:
        return [run(client, *calls[0])]
    answers = _send(client, [_by_hash(*call) for call in calls])
    moving = [i for i, call in enumerate(calls) if is_moving(answers[i]) and call[0] in _steps]
    for i, (script, keys, args) in enumerate(calls):
        if isinstance(answers[i], NoScriptError):
            answers[i] = run(client, script, keys, args)
        elif isinstance(answers[i], Exception) and i not in moving:
            raise answers[i]
    stepped = side_by_side([partial(_steps[calls[i][0]], client, *calls[i][1:]) for i in moving])
    for i, answer in zip(moving, stepped, strict=True):
        answers[i] = answer
    return answers
