"""Lua scripts: sent once, called by their hash, sent again when the server has forgotten them."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from time import monotonic
from typing import Any

from redis.crc import key_slot
from redis.exceptions import NoScriptError

from chat.redis.cluster import side_by_side
from chat.redis.errors import POISON, is_moving, kind_of
from chat.redis.pipeline import Command, ServerClient

Call = tuple[str, list[str], list[Any]]  # the script, its keys in one Cluster slot, its arguments
Steps = Callable[[Any, list[str], list[Any]], Any]

log = logging.getLogger(__name__)

MOVING_SECONDS = 0.5  # for so long a slot that refused a script is taken to be still on its way

_steps: dict[str, Steps] = {}
_moving: dict[int, float] = {}  # by slot, until when
_mends: dict[str, Callable[[list[str]], Call]] = {}


def in_steps(script: str, steps: Steps) -> None:
    """How to do the same key by key, in an order that is safe whoever comes in between.

    While a Cluster moves a slot to another node it refuses every script on keys that are not all
    at the same place, for as long as that takes.
    """
    _steps[script] = steps


def mended_by(script: str, mend: Callable[[list[str]], Call]) -> None:
    """``mend(keys)`` is run, and the script once more, where one of its keys held another type.

    It answers what it deleted. Only for a script that may be run whole after a part of it was.
    """
    _mends[script] = mend


@lru_cache(maxsize=256)
def sha_of(script: str) -> str:
    # The server's own name for the script, not a security measure.
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def run(client: Any, script: str, keys: list[str], args: list[Any]) -> Any:
    """One call; what it answers, or its error raised."""
    return run_all(client, [(script, keys, args)])[0]


def run_all(client: Any, calls: Sequence[Call]) -> list[Any]:
    """Many calls in one round trip; each stands alone. EVALSHA, and EVAL (which also loads) where
    the server does not know a script yet."""
    stepped = {i for i, call in enumerate(calls) if call[0] in _steps and _was_moving(call)}
    answers = _answers(client, {i: call for i, call in enumerate(calls) if i not in stepped})
    poisoned = []
    for i, answer in answers.items():
        if is_moving(answer) and calls[i][0] in _steps:
            _moving[_slot(calls[i])] = monotonic() + MOVING_SECONDS
            stepped.add(i)
        elif isinstance(answer, Exception):
            if calls[i][0] not in _mends or kind_of(answer) != POISON:
                raise answer
            poisoned.append(i)
    if poisoned:
        mended = _after_mending(client, [calls[i] for i in poisoned])
        answers.update(zip(poisoned, mended, strict=True))
    ways = [partial(_steps[calls[i][0]], client, *calls[i][1:]) for i in stepped]
    answers.update(zip(stepped, side_by_side(ways), strict=True))
    return [answers[i] for i in range(len(calls))]


def _answers(client: Any, calls: dict[int, Call]) -> dict[int, Any]:
    """By number; refusals are answers."""
    if not calls:
        return {}
    by_hash = [
        ("EVALSHA", sha_of(script), len(keys), *keys, *args)
        for script, keys, args in calls.values()
    ]
    answers = dict(zip(calls, _send(client, by_hash), strict=True))
    if unknown := [i for i, answer in answers.items() if isinstance(answer, NoScriptError)]:
        again = _send(client, [_by_text(calls[i]) for i in unknown])
        answers.update(zip(unknown, again, strict=True))
    return answers


def _by_text(call: Call) -> Command:
    script, keys, args = call
    return ("EVAL", script, len(keys), *keys, *args)


def _after_mending(client: Any, calls: Sequence[Call]) -> list[Any]:
    """In one round trip, so that hardly anybody comes in between. Raises what is still refused."""
    pairs = [(_mends[call[0]](call[1]), call) for call in calls]
    answers = _send(client, [_by_text(each) for pair in pairs for each in pair])
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    for gone in filter(None, answers[::2]):
        log.error("of another type in Redis, deleted: %s", " ".join(map(str, gone)))
    return answers[1::2]


def _send(client: Any, commands: Sequence[Command]) -> list[Any]:
    """One round trip; a refusal is an answer."""
    if isinstance(client, ServerClient):
        return client.together(commands)
    # The Cluster's own way for one command would try again with pauses while a slot moves.
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe.execute(raise_on_error=False)  # type: ignore[no-any-return]


def _was_moving(call: Call) -> bool:
    """Whether the slot was on its way a moment ago: then its refusal need not be waited for."""
    return bool(_moving) and _moving.get(_slot(call), 0.0) > monotonic()


def _slot(call: Call) -> int:
    return key_slot(call[1][0].encode())  # type: ignore[no-any-return, no-untyped-call]
