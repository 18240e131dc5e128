"""The steps before Redis is trusted again after an outage.

A Redis that comes back may hold its old contents. Everything that changed during the outage is
wrong there, not just missing. So the caches are emptied, and the modules that store other data in
Redis repair it, while the breaker still keeps all readers out.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from chat.redis import mark, watch
from chat.redis.errors import NotReady
from chat.redis.watch import Seen
from chat.redis_schema import ownership

log = logging.getLogger(__name__)

# Version tokens go with their data. Write leases (`w:*`) stay: they end by themselves within
# seconds, and one that another process has just taken still protects its write.
SUSPECT = ("v:*", "cache:*")  # tokens first: a fill under way must not survive its token
BATCH = 500
UNMARKED = (
    "Redis held %d cached values under names of ours but without our mark: an earlier version or"
    " another installation left them. They were taken out; sessions stay. If another installation"
    " uses this Redis, give each a REDIS_PREFIX"
)


class MarkedMeanwhile(NotReady):
    """The mark changed during the recovery.

    Another process that starts at the same time wrote it first, or a process that stops using
    Redis deleted it.
    """


Steps = list[Callable[[], bool]]


def recover(client: Any, looking: watch.Looking, repairs: Steps, last: Steps) -> Seen:
    """Check Redis, empty the caches, take the ``repairs``, check a write, take the ``last`` steps.

    Our mark is in place before the ``last`` steps. Returns the result of the last check; raises if
    Redis is not to be trusted.
    """
    try:
        seen = _recover(client, looking, repairs)
    except MarkedMeanwhile:
        seen = _recover(client, looking, repairs)
    _take(last)
    return seen


def _take(steps: Steps) -> None:
    for step in steps:
        if not step():
            raise NotReady(f"{getattr(step, '__qualname__', step)} is not done")


def _recover(client: Any, looking: watch.Looking, repairs: Steps) -> Seen:
    before = looking.look(client, write=False)
    gone = flush(client)
    _take(repairs)
    # A full or read-only server answers PING: only a write proves that writes work.
    # An epoch that was deleted meanwhile must not be written again: processes that knew it would
    # trust Redis again.
    new = "" if before.epoch else mark.new_epoch()
    seen = looking.look(client, epoch=new)
    if seen.run_id != before.run_id:
        raise NotReady("the server changed during the recovery")
    if seen.epoch != (before.epoch or new):
        raise MarkedMeanwhile("our mark changed during the recovery")
    if gone and not before.epoch and not before.beat:
        log.warning(UNMARKED, gone)
    return seen


def flush(client: Any) -> int:
    """Delete all cached keys in batches, without blocking the server; the number of keys."""
    are_cached = lambda names: list(filter(ownership.is_cached, names))  # noqa: E731
    return sum(take_out(client, pattern, are_cached) for pattern in SUSPECT)


def take_out(client: Any, pattern: str, of: Callable[[list[str]], list[str]]) -> int:
    """Delete the keys like ``pattern`` that ``of`` selects from each batch; the number of keys."""
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
    """The names of all keys like ``pattern``, BATCH at a time."""
    batch: list[str] = []
    for key in client.scan_iter(match=pattern, count=BATCH):
        batch.append(key)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
