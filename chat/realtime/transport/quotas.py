"""What lines may cost that ask for nothing, by line and by address; and how many may be silent.

A ping, a part of a message, a packet that means nothing: each is work, and no other limit knows of
it. Browsers of ours send next to none, so who is over the limit is cut. A line on which nobody has
been let in yet must not stay: an address may have few of those, and the one that has been silent
the longest makes room. So it does where a process has as many lines as it may have: strangers keep
nobody out. Who has been let in is counted by person (`handlers.MOST_SOCKETS`).
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat.realtime.transport.socket import TransportSocket

STRANGER_SECONDS = 10.0  # for saying who one is
RETURN_SECONDS = 45.0  # the same for those we know: many who come back at once are slow
WORTH = 512  # bytes: a part of a message that has so many is worth its work
TIDY_EVERY = 60.0


class Trust(IntEnum):
    """What a handshake shows: nothing, something like a session, or what only we can have given."""

    NONE, CLAIMED, KNOWN = range(3)


UNKNOWN = (Trust.NONE, Trust.CLAIMED)
MOST_LINES = 12_000  # in one process: together some 200 MB
# Lines of one address on which nobody has been let in. A whole office may come back at once.
MOST_STRANGERS = {Trust.NONE: 100, Trust.CLAIMED: 1000, Trust.KNOWN: 2000}
# The same for all addresses together, without those we know. They keep none of the known out, so
# there may be so many more than MOST_LINES.
MOST_UNKNOWN = 3000


class SocketsFull(Exception):
    """There is no room for one more line."""


class FullThere(SocketsFull):
    """Its address has too many; others still find room."""


@dataclass(frozen=True)
class Allowance:
    """``burst`` at once, then ``rate`` a second."""

    rate: float
    burst: float


LINE, ADDRESS = Allowance(20, 400), Allowance(100, 2000)


class Purse:
    """What is left of an allowance."""

    __slots__ = ("_at", "_left")

    def __init__(self, allowance: Allowance) -> None:
        self._left, self._at = allowance.burst, time.monotonic()

    def take(self, cost: float, allowance: Allowance) -> bool:
        """Spend so much; False if there is not as much. What is asked for in vain is spent, too:
        who goes on asking gets nothing."""
        now = time.monotonic()
        self._left = min(allowance.burst, self._left + (now - self._at) * allowance.rate)
        self._at = now
        enough = self._left >= cost
        self._left = max(0.0, self._left - cost)
        return enough

    def is_full(self, allowance: Allowance) -> bool:
        """Whether forgetting it changes nothing."""
        return self._left + (time.monotonic() - self._at) * allowance.rate >= allowance.burst


class _Strangers:
    """Lines on which nobody has been let in, by what they showed, in the order they came."""

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
        """The one that has waited the longest; of the least trusted first."""
        lines = [line for trust in trusts for line in self._lines[trust]]
        return next((line for line in lines if line.is_silent()), None)


@dataclass
class _Caller:
    """One address."""

    purse: Purse = field(default_factory=lambda: Purse(ADDRESS))
    lines: int = 0
    strangers: _Strangers = field(default_factory=_Strangers)


class Crowd:
    """The lines of one process by their addresses."""

    def __init__(self) -> None:
        self._callers: dict[str, _Caller] = {}
        self._strangers = _Strangers()
        self._tidied = time.monotonic()

    def admits(self, address: str) -> bool:
        """Whether somebody unknown may open one more line from there."""
        return self._of(address).purse.take(1, ADDRESS)

    def who_makes_way(self, address: str, trust: Trust, lines: int) -> "TransportSocket | None":
        """Which line has to go for one more from there, where there are so many; None: no line.

        Never one that was let in, that is heard, or that is trusted more than the newcomer. Raises
        Full where there is no room and no such line.
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
        """One more, and nobody has been let in there yet."""
        caller = self._of(line.address)
        caller.lines += 1
        for strangers in (caller.strangers, self._strangers):
            strangers.add(line, trust)

    def let_in(self, line: "TransportSocket") -> None:
        """Somebody has shown a session there."""
        self._forget(line)

    def went(self, line: "TransportSocket") -> None:
        """It is closed."""
        caller = self._of(line.address)
        caller.lines = max(0, caller.lines - 1)
        self._forget(line)
        self._tidy()

    def spend(self, line: "TransportSocket", cost: float) -> bool:
        """Whether a line may send something of this cost that asks for nothing."""
        if line.purse is None:
            line.purse = Purse(LINE)
        enough = line.purse.take(cost, LINE)
        # A stranger must not be able to have somebody else at the same address cut off.
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
