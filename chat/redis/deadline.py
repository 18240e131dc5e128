"""Limits how long one request waits for Redis, in all its calls together.

Each call has its own timeout (``chat.redis.timeouts``). A slow server may stay just below it in
every call, so the waits of a request are added up. After PATIENCE seconds the request skips all
calls that may be skipped (``Door.call(spare=True)``): reads, which MongoDB can answer as well.
Calls that announce a write are never skipped, because Redis must know of every acknowledged write.
So a request that writes may wait longer, by one call for each write.

A wait ends when the answer arrives in the kernel (TCP_INFO), not when the process reads it. If the
process itself is busy, asking MongoDB instead would only make it busier. Measured with 24
simultaneous readers on a machine at its limit: 201 reads of a fast Redis went to MongoDB if a wait
ended when the answer was read, none if it ended when the answer arrived.

While answers arrive within SOON nothing is stored, and ``is_at_end`` only looks at an empty dict.
"""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from gevent import getcurrent

from chat.request.concurrency import turns

PATIENCE = 0.2  # seconds; one more call up to its timeout still ends within half a second
SOON = 0.02  # seconds; shorter waits are not counted

_TCP_INFO = getattr(socket, "TCP_INFO", None)  # Linux only
_LAST_CAME = slice(52, 56)  # of struct tcp_info: how many ms ago the last data came
_waited: dict[Any, float] = {}  # seconds waited, by greenlet of a request or event
_beside: dict[Any, float] = {}  # seconds waited, by helper greenlet of such a request or event


def wait_was(seconds: float, sock: Any) -> None:
    """Count a wait of so many seconds, less the time that the answer lay unread in ``sock``."""
    spend(seconds - _lay_there(sock))


def spend(seconds: float) -> None:
    """Count a wait of this greenlet. Greenlets without a request or event have no limit."""
    if seconds <= SOON:
        return
    me = getcurrent()
    if me in _beside:
        _beside[me] += seconds
    elif turns.holds_one():
        _waited[me] = _waited.get(me, 0.0) + seconds


@contextmanager
def beside(others: Sequence[Any]) -> Iterator[None]:
    """While the block runs, ``others`` call Redis for this greenlet; the longest wait counts."""
    me = getcurrent()
    before = _waited.get(me, 0.0)
    _beside.update(dict.fromkeys(others, 0.0))
    try:
        yield
    finally:
        longest = max(_beside.pop(other) for other in others)
        spend(longest - (_waited.get(me, 0.0) - before))


def is_at_end() -> bool:
    """Whether this request or event has waited for PATIENCE seconds."""
    return bool(_waited) and _waited.get(getcurrent(), 0.0) >= PATIENCE


def renew() -> None:
    """Reset the count after a request or event; the next one in this greenlet starts at 0."""
    if _waited:
        _waited.pop(getcurrent(), None)


def _lay_there(sock: Any) -> float:
    """Seconds since the last data arrived; 0 if the system does not tell."""
    with suppress(OSError, AttributeError, TypeError):
        told = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_CAME.stop)
        return int.from_bytes(told[_LAST_CAME], sys.byteorder) / 1000
    return 0.0
