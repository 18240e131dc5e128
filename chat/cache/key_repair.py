"""Deletes keys of the wrong type or content, which another program or a person has written.

A cached value that cannot be read is a miss (``chat.cache.read_through``, ``fence.reads.forget``).
So is a key of another type, where its script can be run again (``chat.cache.wrong_type``). Anywhere
else, as in the leases of connections, it is an outage: what Redis holds cannot be trusted,
everybody is answered from MongoDB, and before Redis is used again the caches are emptied and the
rest is looked through here. The same is done after our mark was lost: whoever wrote over it may
have written more. That costs a walk over all keys, but only after such a find. Redis answers, so it
is tried again soon (``chat.redis.breaker``).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from chat.cache import shapes
from chat.cache.shapes import UNREADABLE
from chat.redis import DOWN, recovery
from chat.redis.client import redis
from chat.redis_schema import keys, ownership

# Keys with numbers that scripts increment. ``chat.presence`` repairs its own.
NUMBERS = ("limit:*",)


def init_app() -> None:
    redis.before_recovery(mended)


def mended() -> bool:
    """Check and repair Redis if a wrong key was found. False if that failed."""
    return not redis.poisoned or redis.call(_mend, "mending") is not DOWN


def _mend(client: Any) -> int:
    gone = 0
    for name, kind in _declared():
        gone += recovery.take_out(client, name, partial(_of_another_type, client, name, kind))
    for name in NUMBERS:
        gone += recovery.take_out(client, name, partial(_no_numbers, client, name))
    return gone


def _declared() -> Iterator[tuple[str, str]]:
    """The patterns and types of all declared keys."""
    for structure in keys.STRUCTURES:
        yield structure.name, structure.type
    for name, (kind, _) in keys.HELPERS.items():
        yield name, kind


def _of_another_type(client: Any, declared: str, kind: str, names: list[str]) -> list[str]:
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.type(name)
    types = dict(zip(names, pipe.execute(), strict=True))
    return ownership.of(declared, [name for name in names if types[name] not in (kind, "none")])


def _no_numbers(client: Any, declared: str, names: list[str]) -> list[str]:
    return [name for name in ownership.of(declared, names) if not _counts(client.get(name))]


def _counts(text: str | None) -> bool:
    """Whether scripts can increment the value: only a number in canonical form."""
    try:
        return text is None or str(shapes.number(text)) == text
    except UNREADABLE:
        return False
