"""What lines may cost that ask for nothing, by line and by address; and how many may be silent.

A ping, a part of a message, a packet that means nothing: each is work, and no other limit knows of
it. Browsers of ours send next to none, so who is over the limit is cut. A line on which nobody has
been let in yet must not stay: an address may have few of those, and the one that has been silent
the longest makes room. Who has shown a session is counted by person (`handlers.MOST_SOCKETS`).
"""

import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat.realtime.line import Line

STRANGER_SECONDS = 10.0  # for saying who one is
RETURN_SECONDS = 45.0  # the same for who comes with a session: many at once are slow
WORTH = 512  # bytes: a part of a message that has so many is worth its work
TIDY_EVERY = 60.0


class Trust(Enum):
    """What a handshake shows: nothing, something like a session, or what only we can have given."""

    NONE, CLAIMED, KNOWN = range(3)


# Lines of one address on which nobody has been let in. A whole office may come back at once.
MOST_STRANGERS = {Trust.NONE: 100, Trust.CLAIMED: 1000}


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


@dataclass
class _Caller:
    """One address."""

    purse: Purse = field(default_factory=lambda: Purse(ADDRESS))
    lines: int = 0
    # Each in the order they came.
    strangers: "dict[Trust, dict[Line, None]]" = field(
        default_factory=lambda: {trust: {} for trust in MOST_STRANGERS}
    )

    def forget(self, line: "Line") -> None:
        for lines in self.strangers.values():
            lines.pop(line, None)


class Crowd:
    """The lines of one process by their addresses."""

    def __init__(self) -> None:
        self._callers: dict[str, _Caller] = {}
        self._tidied = time.monotonic()

    def admits(self, address: str) -> bool:
        """Whether somebody unknown may open one more line from there."""
        return self._of(address).purse.take(1, ADDRESS)

    def came(self, line: "Line", trust: Trust) -> None:
        """One more; another one may have to go for it."""
        caller = self._of(line.address)
        caller.lines += 1
        if trust is Trust.KNOWN:
            return
        strangers = caller.strangers[trust]
        strangers[line] = None
        if len(strangers) > MOST_STRANGERS[trust]:
            silent = next((each for each in strangers if not each.is_heard), None)
            if silent is not None:
                silent.give_up("another one of its address has come")

    def let_in(self, line: "Line") -> None:
        """Somebody has shown a session there."""
        self._of(line.address).forget(line)

    def went(self, line: "Line") -> None:
        """It is closed."""
        caller = self._of(line.address)
        caller.lines = max(0, caller.lines - 1)
        caller.forget(line)
        self._tidy()

    def spend(self, line: "Line", cost: float) -> bool:
        """Whether a line may send something of this cost that asks for nothing."""
        if line.purse is None:
            line.purse = Purse(LINE)
        enough = line.purse.take(cost, LINE)
        # A stranger must not be able to have somebody else at the same address cut off.
        return enough and (line.is_let_in or self._of(line.address).purse.take(cost, ADDRESS))

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
