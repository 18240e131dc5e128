"""What is not as declared in Redis: another program wrote there, or somebody by hand.

A cached value that cannot be read is a miss (``chat.cache.through``, ``fence_reads.forget``). A key
of another type makes whole scripts fail, so it is treated as an outage: what Redis holds cannot be
trusted, everybody is answered from MongoDB, and before Redis is used again the caches are emptied
and the rest is looked through here. That costs a walk over all keys, but only after such a find.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from chat.cache import keys, ours
from chat.extensions import redis
from chat.redis import DOWN, recovery

# Where numbers are kept that scripts count with, and how great one may be: with greater ones Lua
# reckons no longer exactly, and at last there is no next one.
NUMBERS = ("limit:*", keys.presence("seq"))
GREATEST = 2**53


def init_app() -> None:
    redis.before_recovery(mended)


def mended() -> bool:
    """Before Redis is trusted again after such a find; False if it could not be mended."""
    return not redis.poisoned or redis.call(_mend, "mending") is not DOWN


def _mend(client: Any) -> int:
    gone = 0
    for name, kind in _declared():
        gone += recovery.take_out(client, name, partial(_of_another_type, client, name, kind))
    for name in NUMBERS:
        gone += recovery.take_out(client, name, partial(_no_numbers, client, name))
    count = keys.presence("count")
    if not all(map(_counts, client.hvals(count))):
        gone += client.unlink(count)
    return gone


def _declared() -> Iterator[tuple[str, str]]:
    """Patterns and types of what a recovery does not empty anyway."""
    for structure in keys.STRUCTURES:
        yield structure.name, structure.type
    for name, (kind, _) in keys.HELPERS.items():
        yield name, kind


def _of_another_type(client: Any, declared: str, kind: str, names: list[str]) -> list[str]:
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.type(name)
    types = dict(zip(names, pipe.execute(), strict=True))
    return ours.of(declared, [name for name in names if types[name] not in (kind, "none")])


def _no_numbers(client: Any, declared: str, names: list[str]) -> list[str]:
    return [name for name in ours.of(declared, names) if not _counts(client.get(name))]


def _counts(text: str | None) -> bool:
    """Whether scripts can count on from there. Redis knows a number by its one way to write it."""
    try:
        return text is None or (str(int(text)) == text and abs(int(text)) <= GREATEST)
    except ValueError:
        return False
