"""The sending half of the bus: a background greenlet sends the messages from an outbox."""

import logging
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent import queue

from chat.redis.retry_pause import close_quietly, pause_after
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)

OUTBOX_SIZE = 2000
AT_ONCE = 50  # messages in one round trip


class Publisher:
    """An outbox with its own Redis client. `publish` never waits and never raises.

    While Redis is down messages are dropped, not kept. After the outage `on_shed` is called; then
    receivers must fetch the current state. Stale events would be of no use to them.
    """

    def __init__(self, door: Any, on_shed: Callable[[], None] | None = None) -> None:
        self.sent = self.dropped = 0
        self._door, self._on_shed = door, on_shed
        self._outbox: queue.Queue = queue.Queue(maxsize=OUTBOX_SIZE)
        self._greenlet: gevent.Greenlet | None = None
        self._client: Any = None
        self._shed = False

    def publish(self, channel: str, body: str) -> bool:
        """Put a message into the outbox; False if it was dropped."""
        if not self._door.enabled:
            return False
        if not self._door.is_up():
            return self._drop()
        try:
            self._outbox.put_nowait((channel, body, time.monotonic()))
        except queue.Full:
            return self._drop()
        self.start()
        return True

    def start(self) -> None:
        if self._door.enabled and not self._greenlet:
            self._greenlet = gevent.spawn(self._drain)

    def stop(self, patience: float = 1.0) -> None:
        """Send the rest of the outbox, for at most `patience` seconds, and stop."""
        until = time.monotonic() + patience
        while self._greenlet and not self._outbox.empty() and time.monotonic() < until:
            gevent.sleep(0.02)
        if self._greenlet:
            # The greenlet may have taken a message from the outbox and not sent it yet.
            self._greenlet.join(timeout=0.05)
            self._greenlet.kill(timeout=1)
        self._greenlet = None
        self._close()

    def waiting(self) -> int:
        """How many messages are in the outbox."""
        return self._outbox.qsize()

    def _drop(self) -> bool:
        self.dropped += 1
        telemetry.published("dropped")
        self._shed = True
        return False

    def _drain(self) -> None:
        failures = 0
        while True:
            try:
                self._send_next()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a Cluster's errors are not RedisErrors
                self._drop()
                self._door.refused(error, "publishing")
                self._close()
                log.debug("publish failed: %s", error)
                failures += 1
                self._shed_for(pause_after(failures))

    def _send_next(self) -> None:
        try:
            batch = [self._outbox.get(timeout=1.0 if self._shed else None)]
        except queue.Empty:
            self._look_whether_back()
            return
        while len(batch) < AT_ONCE and not self._outbox.empty():
            batch.append(self._outbox.get_nowait())
        try:
            self._send(batch)
        except Exception:
            for _ in batch[1:]:  # the caller counts the first one
                self._drop()
            raise
        for _channel, _body, since in batch:
            self.sent += 1
            telemetry.published("sent", time.monotonic() - since)
        self._tell_if_shed()

    def _send(self, batch: list[tuple[str, str, float]]) -> None:
        """Send the batch in one round trip. Even a single post publishes two messages."""
        if self._client is None:
            self._client = self._door.new_client()
        for answer in self._client.together([("PUBLISH", to, body) for to, body, _ in batch]):
            if isinstance(answer, Exception):
                raise answer

    def _look_whether_back(self) -> None:
        """Call `on_shed` as soon as Redis is back, although there is nothing to send."""
        if not self._door.is_up():
            return
        if self._client is None:
            self._client = self._door.new_client()
        self._client.ping()
        self._tell_if_shed()

    def _tell_if_shed(self) -> None:
        if self._shed and self._door.is_up():
            self._shed = False
            telemetry.gap("publisher")
            if self._on_shed:
                gevent.spawn(self._on_shed)

    def _shed_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                self._outbox.get(timeout=left)
                self._drop()
            except queue.Empty:
                return

    def _close(self) -> None:
        client, self._client = self._client, None
        close_quietly(client)
