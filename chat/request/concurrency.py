"""Limits how many requests and events a process handles at once; the others wait for a turn.

A worker uses one core. A hundred requests do not finish sooner if all start at once: each waits
longer at every step and holds a connection meanwhile, until a healthy Redis or MongoDB seems slow.
So at most MOST are in progress, fewer than there are connections.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from gevent import getcurrent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

MOST = 12
MOST_BEHIND = 3  # of MOST, for the low-priority lanes together
RUN = 9  # after so many normal turns in a row a waiting low-priority lane gets one
SPARE = 4  # connections for work outside requests and events
PATIENCE = 5.0  # seconds; then a waiting request is refused (Busy)
# The low-priority lanes ("behind"): returning sockets, log-ins from unknown browsers, and cached
# values that are refreshed before they expire.
RETURNING, STRANGERS, REFRESHING = "returning", "strangers", "refreshing"


class Busy(Exception):
    """There was no turn in time."""


class Turns:
    """Gives out at most ``most`` turns at once, in the order of arrival, with low-priority lanes.

    ``behind`` names a low-priority lane: a thousand returning sockets must not delay people at
    work. These lanes together have at most MOST_BEHIND turns at once. They get a turn if no other
    caller waits, or after RUN other turns. The lanes take turns with each other.
    """

    def __init__(self, most: int = MOST) -> None:
        self.resize(most)

    def resize(self, most: int) -> None:
        """Set the number of turns and reset. Only at the start of a process, with no turn taken."""
        self.most = self._free = most
        self._free_behind = min(MOST_BEHIND, most)
        self._waiting: deque[Event] = deque()
        self._waiting_behind: OrderedDict[str, deque[Event]] = OrderedDict()  # next lane first
        self._run = 0  # normal turns in a row while a low-priority lane waited
        self._holders: dict[Any, bool] = {}  # greenlet with a turn → whether it is low-priority

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
            if me in self._holders:  # not if the greenlet was killed in ``left``
                self._release(self._holders.pop(me))

    def holds_one(self) -> bool:
        """Whether the current greenlet has a turn."""
        return getcurrent() in self._holders

    @contextmanager
    def left(self, first: bool = False) -> Iterator[None]:
        """Give the turn back while the block runs, for waits that need no connection.

        ``first``: get the next one before all others who wait.
        """
        me = getcurrent()
        if me not in self._holders:
            yield
            return
        self._release(self._holders.pop(me))
        try:
            yield
        finally:
            self._acquire(first=first)  # a request in progress is never low-priority
            self._holders[me] = False

    @contextmanager
    def alone(self, lock: BoundedSemaphore, patience: float | None = None) -> Iterator[None]:
        """Hold a lock. Whoever has to wait for it gives the turn back meanwhile.

        So those who wait for one lock keep nobody else waiting. Whoever gets the lock gets the next
        turn, because the others can do nothing until the lock is free. Raises Busy after
        ``patience`` seconds.
        """
        with ExitStack() as held:
            if lock.acquire(blocking=False):
                held.callback(lock.release)
            else:
                with self.left(first=True):
                    if not lock.acquire(timeout=patience):
                        raise Busy
                    held.callback(lock.release)
            yield

    def _acquire(
        self,
        patience: float | None = None,
        behind: str = "",
        most: int | None = None,
        first: bool = False,
    ) -> None:
        waiting = self._lane(behind)
        if most is not None and len(waiting) >= most:
            raise Busy
        place = Event()
        if first:
            waiting.appendleft(place)
        else:
            waiting.append(place)
        self._call()
        try:
            # Checked again: the turn may have come at the moment of the timeout.
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
        """Give free turns to waiting greenlets."""
        while self._free and (place := self._next()) is not None:
            self._free -= 1
            place.set()

    def _next(self) -> Event | None:
        """The next waiting greenlet that may have a turn; None if there is none."""
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
afterwards: list[Callable[[], None]] = []  # called after each request, in its greenlet
