"""What must be true before Redis is trusted again after an outage.

A Redis that comes back may hold what it held before: everything that changed meanwhile is wrong in
it, not just missing. So the caches are emptied, and whoever keeps something else there repairs it,
while the breaker still keeps every reader out.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from redis.exceptions import RedisError

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


def flush(client: Any, patterns: Iterable[str] = SUSPECT) -> int:
    """Empty the caches without stopping the server; how many keys went."""
    gone = 0
    for pattern in patterns:
        for batch in batches(client.scan_iter(match=pattern, count=BATCH)):
            pipe = client.pipeline(transaction=False)
            for key in batch:  # one by one: in a Cluster they live in different slots
                pipe.unlink(key)
            pipe.execute()
            gone += len(batch)
    return gone


def batches(keys: Iterator[str]) -> Iterator[list[str]]:
    """So many keys at a time."""
    batch: list[str] = []
    for key in keys:
        batch.append(key)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
