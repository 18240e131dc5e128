"""A queue for work that takes a processor: few at once, some more may wait, the rest is refused.

Who is known goes first. Among those who are not, addresses take turns, so that one of them can only
make itself wait. Whoever would wait for long is told at once: a queue without an end is full of
people who have given up.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from gevent.event import Event

MOST_KNOWN, MOST_STRANGERS = 60, 30  # that may wait
PATIENCE = 5.0  # seconds
STRANGERS_PATIENCE = 3.0  # they have waited for their turn before (chat.request.concurrency)
USUAL_SECONDS = 0.03  # until some have been measured
SHORTEST = 0.001
WEIGHT = 0.2  # of the newest among the last


class QueueFull(Exception):
    """There is no room, or it took too long."""


class QueuePlace(Event):  # type: ignore[misc]
    """Of one who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.is_refused = False  # somebody else has got it


class Lane:
    """Those who wait, by caller; the callers take turns."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, deque[QueuePlace]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._callers.values()))

    def join(self, caller: str, most: int) -> QueuePlace:
        """Wait behind the others of this caller. Where ``most`` wait already, the caller with the
        most places gives up one; Full if that is this one."""
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
        """Whose turn it is; its caller comes last from now on."""
        if not self._callers:
            return None
        caller, places = next(iter(self._callers.items()))
        place = places.popleft()
        self._callers.move_to_end(caller)
        if not places:
            del self._callers[caller]
        return place

    def leave(self, caller: str, place: QueuePlace) -> bool:
        """Wait no longer; False if its turn has come meanwhile, or it was refused."""
        places = self._callers.get(caller, deque())
        if place not in places:
            return False
        places.remove(place)
        if not places:
            del self._callers[caller]
        return True


class Lanes:
    """So many at once, out of two lanes.

    A lane is no longer than what can be done in its patience at the pace of the last few: on a
    machine that is slow today people are refused at once, not when their time is up.
    """

    def __init__(
        self, at_once: int, known: int = MOST_KNOWN, strangers: int = MOST_STRANGERS
    ) -> None:
        self._at_once = self._free = at_once
        self._most = {True: known, False: strangers}
        self._lanes = {True: Lane(), False: Lane()}
        self._seconds = USUAL_SECONDS  # that one takes

    @contextmanager
    def taken(self, caller: str, known: bool) -> Iterator[None]:
        """Wait for a place and hold it. Raises Full."""
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
            self._free += 1  # it was called in the same moment
            self._call_next()

    def _call_next(self) -> None:
        place = self._lanes[True].next() or self._lanes[False].next()
        if place is not None:
            self._free -= 1
            place.set()
