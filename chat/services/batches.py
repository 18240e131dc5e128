"""Batched writes: collected, then written together in the background of each process (R26)."""

import logging
from collections.abc import Callable

import gevent
from flask import Flask

from chat.models.background import go_on

log = logging.getLogger(__name__)


class Batches:
    """Calls ``flush`` every ``seconds`` and once more at a graceful stop.

    ``flush`` must keep what it could not write, so that the next call writes it.
    """

    def __init__(self, what: str, flush: Callable[[], None], seconds: float) -> None:
        self._what, self._flush, self._seconds = what, flush, seconds
        self._greenlet: gevent.Greenlet | None = None

    def start(self, app: Flask) -> None:
        """Start the background greenlet of this process."""
        self._greenlet = gevent.spawn(self._run, app)

    def stop(self, app: Flask) -> None:
        """Stop the background greenlet and write the last batch."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._try(app)

    def _run(self, app: Flask) -> None:
        while True:
            gevent.sleep(self._seconds)
            self._try(app)

    def _try(self, app: Flask) -> None:
        with app.app_context(), go_on(log, f"{self._what} could not be written; it is kept"):
            self._flush()
