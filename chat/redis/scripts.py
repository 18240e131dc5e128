"""Runs Lua scripts by their hash (EVALSHA), or by text (EVAL) if the server lacks a script."""

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

MOVING_SECONDS = 0.5  # for so long a slot that refused a script counts as moving

_steps: dict[str, Steps] = {}
_moving: dict[int, float] = {}  # by slot: the monotonic time until which it counts as moving
_mends: dict[str, Callable[[list[str]], Call]] = {}


def in_steps(script: str, steps: Steps) -> None:
    """Register a replacement for a script that does the same key by key, without atomicity.

    While a Cluster moves a slot, it refuses scripts whose keys are not all on the same node. The
    replacement must be safe if other callers run between its steps.
    """
    _steps[script] = steps


def mended_by(script: str, mend: Callable[[list[str]], Call]) -> None:
    """Register a repair: if a key has the wrong type, run ``mend(keys)``, then the script again.

    ``mend`` returns a script call that answers the names of the keys it deleted. Only for scripts
    that may run again in full after a part of them has run.
    """
    _mends[script] = mend


@lru_cache(maxsize=256)
def sha_of(script: str) -> str:
    # EVALSHA names scripts by their SHA-1; this is no security measure.
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def run(client: Any, script: str, keys: list[str], args: list[Any]) -> Any:
    """Run one script; its answer. Raises its error."""
    return run_all(client, [(script, keys, args)])[0]


def run_all(client: Any, calls: Sequence[Call]) -> list[Any]:
    """Run many independent scripts in one round trip; their answers in order.

    Scripts that the server does not know take a second one: EVAL, which also loads them.
    """
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
    """The answers by the number of the call. Errors are returned as answers, not raised."""
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
    """Run each repair and its script again, in one round trip, so that few callers intervene.

    Raises if a call fails again.
    """
    pairs = [(_mends[call[0]](call[1]), call) for call in calls]
    answers = _send(client, [_by_text(each) for pair in pairs for each in pair])
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    for gone in filter(None, answers[::2]):
        log.error("of another type in Redis, deleted: %s", " ".join(map(str, gone)))
    return answers[1::2]


def _send(client: Any, commands: Sequence[Command]) -> list[Any]:
    """Send commands in one round trip. Errors are returned as answers, not raised."""
    if isinstance(client, ServerClient):
        return client.together(commands)
    # Not ``execute_command`` of the Cluster: while a slot moves it retries with pauses.
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe.execute(raise_on_error=False)  # type: ignore[no-any-return]


def _was_moving(call: Call) -> bool:
    """Whether the slot was moving a moment ago: then the steps are used without trying first."""
    return bool(_moving) and _moving.get(_slot(call), 0.0) > monotonic()


def _slot(call: Call) -> int:
    return key_slot(call[1][0].encode())  # type: ignore[no-any-return, no-untyped-call]
