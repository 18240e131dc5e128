"""How long one request waits for Redis, all its calls together.

Each call has a limit of its own (``chat.redis.connect``). A server that keeps just within it is
waited for as often as a request asks, so slow answers are added up. Who has waited for PATIENCE
does without whatever can be done without (``Door.call(spare=True)``): reads, which MongoDB answers
as well. What tells Redis of a write is always said, because a write that is acknowledged must be
known there; so a request that writes may wait longer, a call for each write.

What is counted is the time until the answer came, as the kernel tells (TCP_INFO), not until
somebody had time to fetch it: where the process itself is busy, asking MongoDB instead would only
make it busier. Measured with 24 people who read at once on a machine at its limit: counted until
the answer is fetched, 201 reads of a quick Redis went to MongoDB; as it is, none.

As long as answers come soon nothing is counted, and asking how patient one still is costs a look at
an empty dict.
"""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from gevent import getcurrent

from chat.request.concurrency import turns

PATIENCE = 0.2  # with one more call, which may take its whole limit, less than half a second
SOON = 0.02  # seconds; nobody minds these

_TCP_INFO = getattr(socket, "TCP_INFO", None)  # Linux alone tells
_LAST_CAME = slice(52, 56)  # of struct tcp_info: how many ms ago the last data came
_waited: dict[Any, float] = {}  # seconds by greenlet, of requests and events that had to wait
_beside: dict[Any, float] = {}  # the same of those that ask for one of them


def wait_was(seconds: float, sock: Any) -> None:
    """Somebody who got an answer from ``sock`` now had asked so many seconds ago."""
    spend(seconds - _lay_there(sock))


def spend(seconds: float) -> None:
    """The request or event of this greenlet had to wait. What is neither may wait for ever."""
    if seconds <= SOON:
        return
    me = getcurrent()
    if me in _beside:
        _beside[me] += seconds
    elif turns.holds_one():
        _waited[me] = _waited.get(me, 0.0) + seconds


@contextmanager
def beside(others: Sequence[Any]) -> Iterator[None]:
    """These greenlets ask for the one that waits for them here: the longest wait counts."""
    me = getcurrent()
    before = _waited.get(me, 0.0)
    _beside.update(dict.fromkeys(others, 0.0))
    try:
        yield
    finally:
        longest = max(_beside.pop(other) for other in others)
        spend(longest - (_waited.get(me, 0.0) - before))


def is_at_end() -> bool:
    """Whether whoever calls has waited long enough."""
    return bool(_waited) and _waited.get(getcurrent(), 0.0) >= PATIENCE


def renew() -> None:
    """The request or event is over; the next one in this greenlet is as patient as any."""
    if _waited:
        _waited.pop(getcurrent(), None)


def _lay_there(sock: Any) -> float:
    """Seconds since the last data came; 0 where nobody knows."""
    with suppress(OSError, AttributeError, TypeError):
        told = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_CAME.stop)
        return int.from_bytes(told[_LAST_CAME], sys.byteorder) / 1000
    return 0.0
