"""The app for attacks on the fence, slowed down where races are decided.

A request with the header X-Late (ms) fills a cache late, so that a write may happen between the
read from MongoDB and the fill. The end of a write comes late, too. ATTACKED_FENCE chooses a variant
of the fence with a part missing (``MUTANTS``). All variants are slowed down in the same way, so the
whole fence has passed the tests that find the mutants.
"""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket or takes a lock is imported

import os
import random
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import gevent
from flask import has_request_context, request

from app import create_app
from chat.cache import fence
from chat.cache.fence import reads as fence_reads
from chat.cache.fence import writes as fence_writes
from chat.redis import timeouts
from chat.redis.client import redis

LATE = "X-Late"
PATIENCE = 10
_chance = random.Random(os.getpid())


def late(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, after anything up to as many ms as the request says."""

    def slowly(*args: Any, **kw: Any) -> Any:
        most = int(request.headers.get(LATE, 0)) if has_request_context() else 0
        if most:
            gevent.sleep(_chance.uniform(0, most / 1000))
        return call(*args, **kw)

    return slowly


def begin_unheard(keys: Sequence[str]) -> list[fence_writes.Write]:
    """No word of the write before it goes to MongoDB."""
    return [
        fence_writes.Write(key, fence.new_token(), time.monotonic(), fenced=True) for key in keys
    ]


def end_by_deleting(endings: Sequence[tuple[fence_writes.Write, fence_writes.Ending]]) -> None:
    """Write, then delete the key: what is done everywhere."""
    for write, _how in endings:
        redis.call(lambda r, key=write.key: r.delete(key), what="end")


def believe_copies(
    questions: Sequence[fence_reads.VersionedRead], riders: Sequence[fence_reads.Rider] = ()
) -> list[fence_reads.Reading]:
    """Whoever has a copy is told that it is still the same, and Redis is not asked."""
    found = iter(ask([question for question in questions if not question.known], riders))
    return [
        fence_reads.Reading(hit=True, same=True, version=question.known)
        if question.known
        else next(found)
        for question in questions
    ]


ask = fence_reads.ask
CHECK = "if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end"
assert CHECK in fence_reads.FILL
FILL_ANYWAY = fence_reads.FILL.replace(CHECK, "")

WITHOUT_TOKENS = {"FILL": FILL_ANYWAY}
MUTANTS: dict[str, dict[str, Any]] = {
    "whole": {},
    "no tokens": WITHOUT_TOKENS,
    "copies believed": {"ask": believe_copies},
    "taken out": {**WITHOUT_TOKENS, "begin_all": begin_unheard, "end_all": end_by_deleting},
}
SLOW = ("fill_many", "end_all")


def half_with(name: str) -> ModuleType:
    """The half of the fence that it is of."""
    return fence_reads if hasattr(fence_reads, name) else fence_writes


def attack(left: str) -> None:
    for name, instead in MUTANTS[left].items():
        setattr(half_with(name), name, instead)
    for name in SLOW:
        setattr(half_with(name), name, late(getattr(half_with(name), name)))
    # A busy machine is no outage: what is answered without Redis is not promised to be new.
    timeouts.READ_TIMEOUT = timeouts.CONNECT_TIMEOUT = PATIENCE


attack(os.environ["ATTACKED_FENCE"])
app = create_app()
