"""Joins bursts to large rooms into one write per socket.

A frame costs one system call for each socket of the room, however small the frame is. So after a
send to a room, the room rests; the rest is longer if the send took longer. Frames that come
meanwhile are sent together when the rest ends: whole frames in their order, one call per socket.
A frame for a room that does not rest never waits. (Nagle's algorithm, RFC 896, does the same for
one connection.)
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent

log = logging.getLogger(__name__)

WORTH = 0.001  # seconds of CPU; a room whose send takes less (about fifty sockets) never rests
BIG = 30  # sockets; smaller rooms never rest, even if the process was slow for another reason
REST = 19  # a rest is this many times as long as the send: at most 1/20 of a core for a room
MOST_REST = 0.25  # seconds; the longest rest, so the longest delay of a frame
MOST_HELD = 256 * 1024  # bytes of waiting frames; more are sent at once

Word = tuple[bytes, str | None]  # a frame, and the id of the socket that must not get it
Give = Callable[[str, list[Word]], int]


@dataclass
class Rest:
    """The rest of one room, and the frames that wait for its end."""

    ending: gevent.Greenlet
    held: list[Word] = field(default_factory=list)
    size: int = 0


class Pace:
    """Sends frames to rooms with ``give``: at once, or together when the rest of a room ends.

    ``give`` returns the number of sockets in the room.
    """

    def __init__(self, give: Give) -> None:
        self._give = give
        self._resting: dict[str, Rest] = {}

    def say(self, room: str, word: Word, may_wait: bool) -> None:
        """Send a frame to a room. If it may not wait, the waiting frames are sent before it."""
        rest = self._resting.get(room)
        if rest is None:
            self._pass_on(room, [word])
            return
        rest.held.append(word)
        rest.size += len(word[0])
        if not may_wait or rest.size > MOST_HELD:
            self.hurry(room)

    def hurry(self, room: str) -> None:
        """Send the waiting frames of a room now."""
        rest = self._resting.pop(room, None)
        if rest is not None:
            rest.ending.kill(block=False)
            if rest.held:
                self._pass_on(room, rest.held)

    def hurry_all(self) -> None:
        """Send the waiting frames of all rooms now, because the process is about to stop."""
        for room in list(self._resting):
            self.hurry(room)

    def _pass_on(self, room: str, words: list[Word]) -> None:
        began = time.thread_time()
        sockets = self._give(room, words)
        took = time.thread_time() - began
        if sockets >= BIG and took > WORTH:
            seconds = min(MOST_REST, took * REST)
            self._resting[room] = Rest(gevent.spawn_later(seconds, self._end, room))

    def _end(self, room: str) -> None:
        rest = self._resting.pop(room, None)
        try:
            if rest is not None and rest.held:
                self._pass_on(room, rest.held)
        except Exception:
            log.exception("what waited for a room could not be sent")
