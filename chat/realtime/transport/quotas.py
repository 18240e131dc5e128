"""Limits for idle frames, by line and by address, and for lines that are not authenticated.

A ping, a fragment or a meaningless packet costs CPU, and no other limit counts it. Our browser
code sends almost none, so a line over the limit is closed. A line that is not authenticated yet
(a "stranger") must not stay open: the number for each address is limited, and the stranger that
has been silent for longest is closed for a new one. The same happens if the process has as many
lines as it may have, so that strangers cannot keep others out. Authenticated lines are limited by
person (`handlers.MOST_SOCKETS`).
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat.realtime.transport.socket import TransportSocket

STRANGER_SECONDS = 10.0  # the time to authenticate
RETURN_SECONDS = 45.0  # the same for known browsers: if many return at once, that takes longer
WORTH = 512  # bytes; a fragment with at least so many does not count as idle
TIDY_EVERY = 60.0


class Trust(IntEnum):
    """What the cookies of a handshake prove.

    NONE: nothing. CLAIMED: a session id in the right format. KNOWN: a session or device cookie
    that we have issued.
    """

    NONE, CLAIMED, KNOWN = range(3)


UNKNOWN = (Trust.NONE, Trust.CLAIMED)
MOST_LINES = 12_000  # in one process; together about 200 MB
# The most strangers from one address. All people of an office may return at once.
MOST_STRANGERS = {Trust.NONE: 100, Trust.CLAIMED: 1000, Trust.KNOWN: 2000}
# The most strangers of all addresses together that are not KNOWN. They may exceed MOST_LINES by so
# many, so that they keep no KNOWN line out.
MOST_UNKNOWN = 3000


class SocketsFull(Exception):
    """The process accepts no more lines."""


class FullThere(SocketsFull):
    """This address has too many lines; other addresses are still accepted."""


@dataclass(frozen=True)
class Allowance:
    """The parameters of a token bucket: ``burst`` at once, then ``rate`` a second."""

    rate: float
    burst: float


LINE, ADDRESS = Allowance(20, 400), Allowance(100, 2000)


class Purse:
    """A token bucket."""

    __slots__ = ("_at", "_left")

    def __init__(self, allowance: Allowance) -> None:
        self._left, self._at = allowance.burst, time.monotonic()

    def take(self, cost: float, allowance: Allowance) -> bool:
        """Take ``cost`` tokens; False if there are fewer.

        A failed call takes the remaining tokens, too, so that a client that goes on gets nothing.
        """
        now = time.monotonic()
        self._left = min(allowance.burst, self._left + (now - self._at) * allowance.rate)
        self._at = now
        enough = self._left >= cost
        self._left = max(0.0, self._left - cost)
        return enough

    def is_full(self, allowance: Allowance) -> bool:
        """Whether the bucket is full, so that it may be deleted."""
        return self._left + (time.monotonic() - self._at) * allowance.rate >= allowance.burst


class _Strangers:
    """The lines that are not authenticated, by trust, in the order of their arrival."""

    def __init__(self) -> None:
        self._lines: dict[Trust, dict[TransportSocket, None]] = {trust: {} for trust in Trust}

    def add(self, line: "TransportSocket", trust: Trust) -> None:
        self._lines[trust][line] = None

    def forget(self, line: "TransportSocket") -> None:
        for lines in self._lines.values():
            lines.pop(line, None)

    def count(self, trusts: Iterable[Trust]) -> int:
        return sum(len(self._lines[trust]) for trust in trusts)

    def first_silent(self, trusts: Iterable[Trust]) -> "TransportSocket | None":
        """The oldest silent line of the first of ``trusts`` that has one; or None."""
        lines = [line for trust in trusts for line in self._lines[trust]]
        return next((line for line in lines if line.is_silent()), None)


@dataclass
class _Caller:
    """The state of one address."""

    purse: Purse = field(default_factory=lambda: Purse(ADDRESS))
    lines: int = 0
    strangers: _Strangers = field(default_factory=_Strangers)


class Crowd:
    """Counts the lines of one process by address, and applies the limits."""

    def __init__(self) -> None:
        self._callers: dict[str, _Caller] = {}
        self._strangers = _Strangers()
        self._tidied = time.monotonic()

    def admits(self, address: str) -> bool:
        """Whether an unknown client may open one more line from this address (rate limit)."""
        return self._of(address).purse.take(1, ADDRESS)

    def who_makes_way(self, address: str, trust: Trust, lines: int) -> "TransportSocket | None":
        """The line that must be closed for one more from this address; None if there is room.

        ``lines`` is the number of open lines. Never a line that is authenticated, not silent, or
        trusted more than the new one. Raises FullThere or SocketsFull if there is no such line.
        """
        there = self._of(address).strangers
        if there.count([trust]) >= MOST_STRANGERS[trust]:
            return _found(there.first_silent([trust]), FullThere)
        unknown = self._strangers.count(UNKNOWN)
        is_known = trust is Trust.KNOWN
        if lines < MOST_LINES and (is_known or unknown < MOST_UNKNOWN):
            return None
        silent = self._strangers.first_silent(each for each in UNKNOWN if each <= trust)
        if silent is None and is_known:
            if lines - unknown < MOST_LINES:
                return None
            silent = self._strangers.first_silent([Trust.KNOWN])
        return _found(silent, SocketsFull)

    def came(self, line: "TransportSocket", trust: Trust) -> None:
        """Add a new line, as a stranger."""
        caller = self._of(line.address)
        caller.lines += 1
        for strangers in (caller.strangers, self._strangers):
            strangers.add(line, trust)

    def let_in(self, line: "TransportSocket") -> None:
        """Mark a line as authenticated: it is no stranger any more."""
        self._forget(line)

    def went(self, line: "TransportSocket") -> None:
        """Remove a closed line."""
        caller = self._of(line.address)
        caller.lines = max(0, caller.lines - 1)
        self._forget(line)
        self._tidy()

    def spend(self, line: "TransportSocket", cost: float) -> bool:
        """Take the cost of idle frames from the buckets of a line; False if over the limit."""
        if line.purse is None:
            line.purse = Purse(LINE)
        enough = line.purse.take(cost, LINE)
        # Only strangers use the bucket of their address: otherwise a stranger could get the
        # authenticated lines of the same address closed.
        return enough and (line.is_let_in or self._of(line.address).purse.take(cost, ADDRESS))

    def _forget(self, line: "TransportSocket") -> None:
        for strangers in (self._of(line.address).strangers, self._strangers):
            strangers.forget(line)

    def _of(self, address: str) -> _Caller:
        caller = self._callers.get(address)
        if caller is None:
            caller = self._callers[address] = _Caller()
        return caller

    def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._tidied < TIDY_EVERY:
            return
        self._tidied = now
        idle = [address for address, caller in self._callers.items()
                if not caller.lines and caller.purse.is_full(ADDRESS)]  # fmt: skip
        for address in idle:
            del self._callers[address]


def _found(line: "TransportSocket | None", otherwise: type[SocketsFull]) -> "TransportSocket":
    if line is None:
        raise otherwise
    return line
