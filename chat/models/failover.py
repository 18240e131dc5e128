"""Whether MongoDB takes writes: for how long a server that does is looked for.

While an election goes on, a moment's patience finds the new primary, and the caller notices
nothing. All callers share that moment. When it has passed, or where no server answers at all, each
question of each request would wait in vain.
"""

import contextlib
import time
from typing import Any

from pymongo import MongoClient, monitoring

ELECTION, LOST = 1.5, 0.0  # seconds


class Reach(monitoring.ServerHeartbeatListener):
    """Hears what the driver's heartbeats find, before any request does."""

    def __init__(self) -> None:
        self._answering: set[Any] = set()
        self._writable: set[Any] = set()
        self._since: float | None = None  # when the last server went that took writes
        self._client: MongoClient[Any] | None = None

    def watch(self, client: "MongoClient[Any]") -> None:
        """Say how long this client may look for a server."""
        self._client = client

    def started(self, event: monitoring.ServerHeartbeatStartedEvent) -> None:
        """Nothing to do."""

    def succeeded(self, event: monitoring.ServerHeartbeatSucceededEvent) -> None:
        """A server answers."""
        self._answering.add(event.connection_id)
        (self._writable.add if event.reply.is_writable else self._writable.discard)(
            event.connection_id
        )
        self._allow()

    def failed(self, event: monitoring.ServerHeartbeatFailedEvent) -> None:
        """One does not."""
        self._answering.discard(event.connection_id)
        self._writable.discard(event.connection_id)
        self._allow()

    def patience(self) -> float:
        """How many seconds may be spent on looking for a server, from now."""
        if self._writable:
            self._since = None
            return ELECTION
        now = time.monotonic()
        self._since = self._since or now
        return max(LOST, self._since + ELECTION - now) if self._answering else LOST

    def _allow(self) -> None:
        # The driver has no public way; without this one, requests wait as long as in an election.
        with contextlib.suppress(AttributeError):
            settings = self._client._topology._settings  # type: ignore[union-attr]
            settings._server_selection_timeout = self.patience()
