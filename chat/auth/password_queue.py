"""A queue for CPU-bound work: a few run at once, some more may wait, the rest is refused.

Known callers go first. In each lane the addresses take turns, so that one address delays only
itself. A caller who would wait too long is refused at once: in an unlimited queue most callers
would have given up before their turn.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from gevent.event import Event

MOST_KNOWN, MOST_STRANGERS = 60, 30  # callers that may wait in each lane
PATIENCE = 5.0  # seconds
STRANGERS_PATIENCE = 3.0  # seconds; strangers have waited before (chat.request.concurrency)
USUAL_SECONDS = 0.03  # the assumed time of one piece of work before any is measured
SHORTEST = 0.001
WEIGHT = 0.2  # the weight of the newest time in the moving average


class QueueFull(Exception):
    """The queue is full, or the wait took too long."""


class QueuePlace(Event):  # type: ignore[misc]
    """The place of one waiting caller; set when it is called or refused."""

    def __init__(self) -> None:
        super().__init__()
        self.is_refused = False  # the place was given to another caller


class Lane:
    """The waiting places by caller (address). The callers take turns."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, deque[QueuePlace]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._callers.values()))

    def join(self, caller: str, most: int) -> QueuePlace:
        """Add a place behind the others of this caller.

        If ``most`` wait already, the caller with the most places loses one. Raises QueueFull if
        that would be this caller.
        """
        if len(self) >= most and not self._make_room(caller):
            raise QueueFull
        place = QueuePlace()
        self._callers.setdefault(caller, deque()).append(place)
        return place

    def _make_room(self, caller: str) -> bool:
        largest = max(self._callers, key=lambda each: len(self._callers[each]))
        if len(self._callers[largest]) <= len(self._callers.get(caller, ())) + 1:
            return False
        place = self._callers[largest].pop()
        place.is_refused = True
        place.set()
        return True

    def next(self) -> QueuePlace | None:
        """Take the next place; its caller goes to the end. None if the lane is empty."""
        if not self._callers:
            return None
        caller, places = next(iter(self._callers.items()))
        place = places.popleft()
        self._callers.move_to_end(caller)
        if not places:
            del self._callers[caller]
        return place

    def leave(self, caller: str, place: QueuePlace) -> bool:
        """Remove a place; False if it was called or refused meanwhile."""
        places = self._callers.get(caller, deque())
        if place not in places:
            return False
        places.remove(place)
        if not places:
            del self._callers[caller]
        return True


class Lanes:
    """Runs at most ``at_once`` pieces of work, from two lanes: known callers and strangers.

    A lane has only as many places as can be served within its patience at the recent speed. So on
    a slow machine callers are refused at once, not after the timeout.
    """

    def __init__(
        self, at_once: int, known: int = MOST_KNOWN, strangers: int = MOST_STRANGERS
    ) -> None:
        self._at_once = self._free = at_once
        self._most = {True: known, False: strangers}
        self._lanes = {True: Lane(), False: Lane()}
        self._seconds = USUAL_SECONDS  # the moving average for one piece of work

    @contextmanager
    def taken(self, caller: str, known: bool) -> Iterator[None]:
        """Wait for a free slot and hold it. Raises QueueFull."""
        self._enter(caller, known)
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds += WEIGHT * (time.monotonic() - began - self._seconds)
            self._free += 1
            self._call_next()

    def _room(self, known: bool, patience: float) -> int:
        in_time = int(patience * self._at_once / max(self._seconds, SHORTEST))
        return min(self._most[known], max(self._at_once, in_time))

    def _enter(self, caller: str, known: bool) -> None:
        if self._free:
            self._free -= 1
            return
        lane, patience = self._lanes[known], PATIENCE if known else STRANGERS_PATIENCE
        place = lane.join(caller, self._room(known, patience))
        try:
            in_time = place.wait(patience)
        except BaseException:
            self._give_back(lane, caller, place)
            raise
        if not in_time:
            self._give_back(lane, caller, place)
        if not in_time or place.is_refused:
            raise QueueFull

    def _give_back(self, lane: Lane, caller: str, place: QueuePlace) -> None:
        if not lane.leave(caller, place) and not place.is_refused:
            self._free += 1  # the place was called at the moment of the timeout
            self._call_next()

    def _call_next(self) -> None:
        place = self._lanes[True].next() or self._lanes[False].next()
        if place is not None:
            self._free -= 1
            place.set()
