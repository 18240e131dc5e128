"""What is said faster in a big room than it should be sent apart leaves together.

A frame costs one system call for each socket of the room, however small it is. So a room that has
just been served keeps quiet for a while that grows with what serving it took, and what is said
meanwhile goes out at its end: whole frames in their order, one call a socket for all of them. The
first word after a silence never waits. (Nagle's algorithm, RFC 896, does this for one connection.)
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent

log = logging.getLogger(__name__)

WORTH = 0.001  # seconds of CPU: rooms that take less, some fifty sockets, never wait
BIG = 30  # sockets; smaller rooms never wait, whatever held up the process while they were served
REST = 19  # times as long as it took: a room gets a twentieth of a core at most
MOST_REST = 0.25  # seconds that anybody may wait for a word
MOST_HELD = 256 * 1024  # bytes

Word = tuple[bytes, str | None]  # a frame, and the socket id that does not get it
Give = Callable[[str, list[Word]], int]


@dataclass
class Rest:
    """A room that keeps quiet, and what was said in it since."""

    ending: gevent.Greenlet
    held: list[Word] = field(default_factory=list)
    size: int = 0


class Pace:
    """Gives words to rooms with ``give``, at once or, while a room rests, together.

    ``give`` says how many sockets the room has.
    """

    def __init__(self, give: Give) -> None:
        self._give = give
        self._resting: dict[str, Rest] = {}

    def say(self, room: str, word: Word, may_wait: bool) -> None:
        """Pass a word on. One that may not wait takes along what waits, so the order stays."""
        rest = self._resting.get(room)
        if rest is None:
            self._pass_on(room, [word])
            return
        rest.held.append(word)
        rest.size += len(word[0])
        if not may_wait or rest.size > MOST_HELD:
            self.hurry(room)

    def hurry(self, room: str) -> None:
        """Pass on now what waits for this room."""
        rest = self._resting.pop(room, None)
        if rest is not None:
            rest.ending.kill(block=False)
            if rest.held:
                self._pass_on(room, rest.held)

    def hurry_all(self) -> None:
        """The same for every room: the process is about to end."""
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
