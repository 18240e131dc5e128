"""How many requests and events a process works on at once; the others wait for their turn.

A worker is one core. A hundred requests at once don't become faster by starting all of them: each
waits longer at every step, holds a connection while it waits, and in the end a healthy Redis or
MongoDB seems too slow. So at most MOST are under way, fewer than there are connections.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gevent import getcurrent
from gevent.event import Event

MOST = 12
MOST_BEHIND = 3  # of those, for what may wait
RUN = 9
SPARE = 4  # connections for what runs beside requests and events
PATIENCE = 5.0  # seconds until somebody who waits is told to come back later
# What waits behind people at work: sockets that come back, log-ins of strangers, and cached values
# that are fetched anew before they expire.
RETURNING, STRANGERS, REFRESHING = "returning", "strangers", "refreshing"


class Busy(Exception):
    """No turn came in time."""


class Turns:
    """So many at once, in the order of arrival, and behind them what may wait.

    ``behind`` names a lane: a thousand sockets that come back must not make those wait who are at
    work. The lanes behind together get a few turns at once, and one in RUN where there is no end of
    others. Among themselves they take turns.
    """

    def __init__(self, most: int = MOST) -> None:
        self.resize(most)

    def resize(self, most: int) -> None:
        """From now on so many. Only while nothing is under way: at the start of a process."""
        self.most = self._free = most
        self._free_behind = min(MOST_BEHIND, most)
        self._waiting: deque[Event] = deque()
        self._waiting_behind: OrderedDict[str, deque[Event]] = OrderedDict()  # next lane first
        self._run = 0  # turns in a row for which somebody behind had to wait
        self._holders: dict[Any, bool] = {}  # who has one, and whether it is one behind

    @contextmanager
    def taken(
        self, patience: float | None = None, behind: str = "", most: int | None = None
    ) -> Iterator[None]:
        """Wait for a turn and hold it. Re-entrant.

        Raises Busy after ``patience`` seconds, or at once if ``most`` wait in this lane already.
        """
        me = getcurrent()
        if me in self._holders:
            yield
            return
        self._acquire(patience, behind, most)
        self._holders[me] = bool(behind)
        try:
            yield
        finally:
            if me in self._holders:  # not if it was ended while it waited to come back
                self._release(self._holders.pop(me))

    def holds_one(self) -> bool:
        """Whether whoever calls has a turn now."""
        return getcurrent() in self._holders

    @contextmanager
    def left(self) -> Iterator[None]:
        """Let others work while this one waits for something else than a connection."""
        me = getcurrent()
        if me not in self._holders:
            yield
            return
        self._release(self._holders.pop(me))
        try:
            yield
        finally:
            self._acquire()  # what has begun does not wait behind again
            self._holders[me] = False

    def _acquire(
        self, patience: float | None = None, behind: str = "", most: int | None = None
    ) -> None:
        waiting = self._lane(behind)
        if most is not None and len(waiting) >= most:
            raise Busy
        place = Event()
        waiting.append(place)
        self._call()
        try:
            # Asked again: the turn may have come together with the end of the patience.
            if place.is_set() or place.wait(patience) or place.is_set():
                return
            waiting.remove(place)
        except BaseException:
            if place.is_set():
                self._release(bool(behind))
            else:
                waiting.remove(place)
            raise
        raise Busy

    def _lane(self, behind: str) -> deque[Event]:
        return self._waiting_behind.setdefault(behind, deque()) if behind else self._waiting

    def _release(self, behind: bool) -> None:
        self._free += 1
        self._free_behind += behind
        self._call()

    def _call(self) -> None:
        """Give away what is free."""
        while self._free and (place := self._next()) is not None:
            self._free -= 1
            place.set()

    def _next(self) -> Event | None:
        """Whose turn it is, if anybody waits who may have one."""
        lanes = self._waiting_behind.items() if self._free_behind else ()
        behind = next((name for name, waiting in lanes if waiting), "")
        if behind and (not self._waiting or self._run >= RUN):
            self._run = 0
            self._free_behind -= 1
            self._waiting_behind.move_to_end(behind)
            return self._waiting_behind[behind].popleft()
        if not self._waiting:
            return None
        self._run += bool(behind)
        return self._waiting.popleft()


turns = Turns()
afterwards: list[Callable[[], None]] = []  # called in its greenlet when a request is over
