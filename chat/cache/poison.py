"""What is not as declared in Redis: another program wrote there, or somebody by hand.

A cached value that cannot be read is a miss (``chat.cache.through``, ``fence_reads.forget``). A key
of another type makes whole scripts fail, so it is treated as an outage: what Redis holds cannot be
trusted, everybody is answered from MongoDB, and before Redis is used again the caches are emptied
and the rest is looked through here. That costs a walk over all keys, but only after such a find.
"""

from collections.abc import Iterator
from typing import Any

from chat.cache import keys
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
        for batch in recovery.batches(client.scan_iter(match=name, count=recovery.BATCH)):
            gone += _delete(client, _of_another_type(client, batch, kind))
    for name in NUMBERS:
        for batch in recovery.batches(client.scan_iter(match=name, count=recovery.BATCH)):
            gone += _delete(client, [key for key in batch if not _counts(client.get(key))])
    counts = client.hvals(keys.presence("count"))
    return gone + _delete(client, [] if all(map(_counts, counts)) else [keys.presence("count")])


def _declared() -> Iterator[tuple[str, str]]:
    """Patterns and types of what a recovery does not empty anyway."""
    for structure in keys.STRUCTURES:
        yield structure.name, structure.type
    for name, (kind, _) in keys.HELPERS.items():
        yield name, kind


def _of_another_type(client: Any, names: list[str], kind: str) -> list[str]:
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.type(name)
    return [
        name
        for name, found in zip(names, pipe.execute(), strict=True)
        if found not in (kind, "none")
    ]


def _delete(client: Any, names: list[str]) -> int:
    for name in names:
        client.unlink(name)
    return len(names)


def _counts(text: str | None) -> bool:
    """Whether scripts can count on from there. Redis knows a number by its one way to write it."""
    try:
        return text is None or (str(int(text)) == text and abs(int(text)) <= GREATEST)
    except ValueError:
        return False
