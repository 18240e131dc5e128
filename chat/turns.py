"""How many requests and events a process works on at once; the others wait for their turn.

A worker is one core. A hundred requests at once don't become faster by starting all of them: each
waits longer at every step, holds a connection while it waits, and in the end a healthy Redis or
MongoDB seems too slow. So at most MOST are under way, fewer than there are connections.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from gevent import getcurrent
from gevent.lock import BoundedSemaphore

from chat import bodies

MOST = 12
SPARE = 4  # connections for what runs beside requests and events
PATIENCE = 5.0  # seconds until somebody who waits is told to come back later
# These cost next to nothing, must answer whatever else is going on, or last as long as a socket.
AT_ONCE = ("/health", "/static/", "/socket.io/", "/metrics")


class Busy(Exception):
    """Nobody's turn came within PATIENCE."""


class Turns:
    """So many at once, in the order of arrival."""

    def __init__(self, most: int = MOST) -> None:
        self.resize(most)

    def resize(self, most: int) -> None:
        """From now on so many. Only while nothing is under way: at the start of a process."""
        self.most = most
        self._free = BoundedSemaphore(most)
        self._holders: set[Any] = set()

    @contextmanager
    def taken(self, patience: float | None = None) -> Iterator[None]:
        """Wait for a turn and hold it; Busy after ``patience`` seconds. Who has one goes on."""
        me = getcurrent()
        if me in self._holders:
            yield
            return
        if not self._free.acquire(timeout=patience):
            raise Busy
        self._holders.add(me)
        try:
            yield
        finally:
            if me in self._holders:  # not if it was ended while it waited to come back
                self._holders.discard(me)
                self._free.release()

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
        self._holders.discard(me)
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
            self._holders.add(me)


turns = Turns()
afterwards: list[Callable[[], None]] = []  # called in its greenlet when a request is over


def init_app(app: Flask) -> None:
    """Let requests wait before they take anything."""
    turns.resize(min(MOST, app.config["REDIS_CONNECTIONS"] - SPARE))
    wrapped = app.wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(AT_ONCE):
            return wrapped(environ, start_response)
        try:
            most, proxies = app.config["MAX_CONTENT_LENGTH"], app.config["TRUSTED_PROXIES"]
            with bodies.held(environ, most, proxies), turns.taken(PATIENCE):
                return wrapped(environ, start_response)
        except (Busy, bodies.TooMany):
            return _later(start_response)
        finally:
            for fn in afterwards:
                fn()

    app.wsgi_app = serve  # type: ignore[method-assign]


def _later(start_response: Any) -> Iterable[bytes]:
    """503 with problem details (RFC 9457): readable for a program, and for a person too."""
    detail = "The server is busy. Try again in a moment."
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503,
               "detail": detail, "error": "busy"}  # fmt: skip
    headers = [("Content-Type", "application/problem+json"), ("Retry-After", "2")]
    start_response("503 Service Unavailable", headers)
    return [json.dumps(problem).encode()]
