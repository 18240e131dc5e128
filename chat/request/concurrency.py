"""How many requests and events a process works on at once; the others wait for their turn.

A worker is one core. A hundred requests at once don't become faster by starting all of them: each
waits longer at every step, holds a connection while it waits, and in the end a healthy Redis or
MongoDB seems too slow. So at most MOST are under way, fewer than there are connections.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from gevent import getcurrent
from gevent.event import Event

from chat.web import request_body

MOST = 12
MOST_BEHIND = 3  # of those, for what may wait
RUN = 9
SPARE = 4  # connections for what runs beside requests and events
PATIENCE = 5.0  # seconds until somebody who waits is told to come back later
# These cost next to nothing, must answer whatever else is going on, or last as long as a socket.
AT_ONCE, AT_ONCE_BELOW = ("/health", "/metrics"), ("/health/", "/static/", "/socket.io/")


class Busy(Exception):
    """Nobody's turn came within PATIENCE."""


class Turns:
    """So many at once, in the order of arrival, and behind them what may wait.

    ``behind``: a thousand sockets that come back must not make those wait who are at work. They get
    a few turns at once, and one in RUN where there is no end of others.
    """

    def __init__(self, most: int = MOST) -> None:
        self.resize(most)

    def resize(self, most: int) -> None:
        """From now on so many. Only while nothing is under way: at the start of a process."""
        self.most = self._free = most
        self._free_behind = min(MOST_BEHIND, most)
        self._waiting: deque[Event] = deque()
        self._waiting_behind: deque[Event] = deque()
        self._run = 0  # turns in a row for which somebody behind had to wait
        self._holders: dict[Any, bool] = {}  # who has one, and whether it is one behind

    @contextmanager
    def taken(self, patience: float | None = None, behind: bool = False) -> Iterator[None]:
        """Wait for a turn and hold it; Busy after ``patience`` seconds. Re-entrant."""
        me = getcurrent()
        if me in self._holders:
            yield
            return
        self._acquire(patience, behind)
        self._holders[me] = behind
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

    def _acquire(self, patience: float | None = None, behind: bool = False) -> None:
        waiting = self._waiting_behind if behind else self._waiting
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
                self._release(behind)
            else:
                waiting.remove(place)
            raise
        raise Busy

    def _release(self, behind: bool) -> None:
        self._free += 1
        self._free_behind += behind
        self._call()

    def _call(self) -> None:
        """Give away what is free."""
        while self._free and (self._waiting or (self._waiting_behind and self._free_behind)):
            may_be_behind = bool(self._waiting_behind and self._free_behind)
            if may_be_behind and (not self._waiting or self._run >= RUN):
                waiting, self._run = self._waiting_behind, 0
                self._free_behind -= 1
            else:
                waiting, self._run = self._waiting, self._run + may_be_behind
            self._free -= 1
            waiting.popleft().set()


turns = Turns()
afterwards: list[Callable[[], None]] = []  # called in its greenlet when a request is over


def init_app(app: Flask) -> None:
    """Let requests wait before they take anything."""
    turns.resize(min(MOST, app.config["REDIS_CONNECTIONS"] - SPARE))
    wrapped = app.wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if _needs_no_turn(environ["PATH_INFO"]):
            return wrapped(environ, start_response)
        try:
            most, proxies = app.config["MAX_CONTENT_LENGTH"], app.config["TRUSTED_PROXIES"]
            with request_body.held(environ, most, proxies), turns.taken(PATIENCE):
                return wrapped(environ, start_response)
        except (Busy, request_body.TooMany):
            return _later(start_response)
        finally:
            for fn in afterwards:
                fn()

    app.wsgi_app = serve  # type: ignore[method-assign]


def _needs_no_turn(path: str) -> bool:
    return path in AT_ONCE or path.startswith(AT_ONCE_BELOW)


def _later(start_response: Any) -> Iterable[bytes]:
    """503 with problem details (RFC 9457): readable for a program, and for a person too."""
    detail = "The server is busy. Try again in a moment."
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503,
               "detail": detail, "error": "busy"}  # fmt: skip
    headers = [("Content-Type", "application/problem+json"), ("Retry-After", "2")]
    start_response("503 Service Unavailable", headers)
    return [json.dumps(problem).encode()]
