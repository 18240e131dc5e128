"""What must be true before Redis is trusted again after an outage.

A Redis that comes back may hold what it held before: everything that changed meanwhile is wrong in
it, not just missing. So the caches are emptied, and whoever keeps something else there repairs it,
while the breaker still keeps every reader out.
"""

from collections.abc import Callable, Iterator
from typing import Any

from redis.exceptions import RedisError

from chat.cache import ours
from chat.redis import health

# Version tokens go with their data. Write leases (`w:*`) stay: they end by themselves within
# seconds, and one that another process has just taken still protects its write.
SUSPECT = ("cache:*", "v:*")
PROBE = "cache:probe"
BATCH = 500


class NotReady(RedisError):
    """Somebody who must repair something first could not."""


def recover(client: Any, mode: str, repairs: list[Callable[[], bool]]) -> str:
    """Probe, empty, repair, prove a write. The run id of the trusted server; raises otherwise."""
    run_id = health.look(client, mode)
    flush(client)
    for repair in repairs:
        if not repair():
            raise NotReady(f"{getattr(repair, '__qualname__', repair)} is not done")
    # A full, read-only or replica-less server answers PING: only a write proves that writes work.
    client.set(PROBE, "1", ex=5)
    if health.look(client, mode) != run_id:
        raise NotReady("the server changed during the recovery")
    return run_id


def flush(client: Any) -> int:
    """Empty the caches without stopping the server; how many keys went."""
    are_cached = lambda names: list(filter(ours.is_cached, names))  # noqa: E731
    return sum(take_out(client, pattern, are_cached) for pattern in SUSPECT)


def take_out(client: Any, pattern: str, of: Callable[[list[str]], list[str]]) -> int:
    """Delete those of the keys that ``of`` names, of a batch of names; how many went."""
    gone = 0
    for batch in batches(client, pattern):
        names = of(batch)
        pipe = client.pipeline(transaction=False)
        for name in names:  # one by one: in a Cluster they live in different slots
            pipe.unlink(name)
        pipe.execute()
        gone += len(names)
    return gone


def batches(client: Any, pattern: str) -> Iterator[list[str]]:
    """The names of all keys like this, so many at a time."""
    batch: list[str] = []
    for key in client.scan_iter(match=pattern, count=BATCH):
        batch.append(key)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
