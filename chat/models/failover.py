"""Limits how long requests look for a MongoDB server that accepts writes.

During an election it is worth to wait a moment for the new primary: then callers notice nothing.
All callers share that time. After it, or if no server answers at all, no request waits, because
each command of each request would wait in vain.
"""

import contextlib
import time
from typing import Any

from pymongo import MongoClient, monitoring

ELECTION, LOST = 1.5, 0.0  # seconds


class Reach(monitoring.ServerHeartbeatListener):
    """Follows the driver's heartbeats, which detect changes before any request does."""

    def __init__(self) -> None:
        self._answering: set[Any] = set()
        self._writable: set[Any] = set()
        self._since: float | None = None  # since when no server accepts writes
        self._client: MongoClient[Any] | None = None

    def watch(self, client: "MongoClient[Any]") -> None:
        """Set the client whose server selection is limited."""
        self._client = client

    def started(self, event: monitoring.ServerHeartbeatStartedEvent) -> None:
        """Nothing to do."""

    def succeeded(self, event: monitoring.ServerHeartbeatSucceededEvent) -> None:
        """A heartbeat succeeded: note whether the server accepts writes."""
        self._answering.add(event.connection_id)
        (self._writable.add if event.reply.is_writable else self._writable.discard)(
            event.connection_id
        )
        self._allow()

    def failed(self, event: monitoring.ServerHeartbeatFailedEvent) -> None:
        """A heartbeat failed: the server does not answer."""
        self._answering.discard(event.connection_id)
        self._writable.discard(event.connection_id)
        self._allow()

    def patience(self) -> float:
        """The seconds that a command may look for a server from now on."""
        if self._writable:
            self._since = None
            return ELECTION
        now = time.monotonic()
        self._since = self._since or now
        return max(LOST, self._since + ELECTION - now) if self._answering else LOST

    def _allow(self) -> None:
        # PyMongo has no public option for this. If the private one is missing, requests always wait
        # as long as in an election.
        with contextlib.suppress(AttributeError):
            settings = self._client._topology._settings  # type: ignore[union-attr]
            settings._server_selection_timeout = self.patience()
