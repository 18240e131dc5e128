"""Redis pub/sub that does not block its callers, reconnects by itself and reports gaps.

One `Bus` per process carries both the Socket.IO queue and `updates:*`. Other processes receive the
messages of this process in the order in which it published them. Pub/sub delivers at most once. So
listeners also register for gaps (`on_gap`), and fetch the current state after each gap.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from time import monotonic
from typing import Any
from uuid import uuid4

import gevent

from chat.redis.publisher import Publisher
from chat.redis.subscriber import Subscriber

log = logging.getLogger(__name__)

SAID_AGAIN = 600  # seconds between two warnings about foreign messages on one channel
_BOOT = uuid4().hex


class NotOurs(ValueError):
    """A message on our channel that no process of this installation has sent."""


class Bus:
    """Sends the messages of this process to the other processes, and receives theirs."""

    def __init__(self) -> None:
        self.publisher: Publisher | None = None
        self.subscriber: Subscriber | None = None
        self._handlers: dict[str, Callable[[bytes], None]] = {}
        self._gap_handlers: list[Callable[[], None]] = []
        self._shed_handlers: list[Callable[[], None]] = []
        self._greenlet: gevent.Greenlet | None = None
        self._door: Any = None
        self._house = ""
        self._said_at: dict[str, float] = {}  # by channel

    def init_app(self, door: Any, secret: str = "") -> None:
        """Set the door to Redis and reset all handlers. Opens no connection.

        ``secret`` is the secret key of the installation; messages without a name made from it are
        refused. Pub/sub channels are common to all databases of a server, so other programs and
        installations may publish on them.
        """
        self._door = door
        self._house = hashlib.sha256(f"bus {secret}".encode()).hexdigest()[:12]
        self.publisher = Publisher(door, lambda: self._call_all(self._shed_handlers))
        self.subscriber = None
        self._handlers, self._gap_handlers, self._shed_handlers = {}, [], []

    @property
    def name(self) -> str:
        """The name of this process. Forked workers differ only in their process id."""
        return f"{self._house}-{_BOOT}-{os.getpid()}"

    def is_elsewhere(self, name: object) -> bool:
        """Whether this is the name of another process of this installation.

        Raises NotOurs if it is no name of a process of this installation.
        """
        if not isinstance(name, str) or not name.startswith(f"{self._house}-"):
            raise NotOurs
        return name != self.name

    def listen(self, channel: str, fn: Callable[[bytes], None]) -> None:
        """Call `fn(data)` for each message on a channel. Call before `start`; `fn` must be fast."""
        self._handlers[channel] = fn

    def on_gap(self, fn: Callable[[], None]) -> None:
        """Call `fn()` whenever messages of other processes may have been missed."""
        self._gap_handlers.append(fn)

    def on_shed(self, fn: Callable[[], None]) -> None:
        """Call `fn()` when Redis is back after messages of this process were dropped."""
        self._shed_handlers.append(fn)

    def publish(self, channel: str, body: str) -> bool:
        return bool(self.publisher and self.publisher.publish(channel, body))

    def start(self) -> None:
        """Begin to receive messages. Call once per process, after the fork."""
        if self._greenlet or self._door is None or not self._door.enabled:
            return
        on_gap = lambda: self._call_all(self._gap_handlers)  # noqa: E731
        self.subscriber = Subscriber(self._door, sorted(self._handlers), on_gap)
        self._greenlet = gevent.spawn(self._dispatch, self.subscriber)

    def stop(self) -> None:
        """Send the rest of the outbox (for at most a second) and stop. May be called twice."""
        if self.publisher:
            self.publisher.stop()
        if self._greenlet:
            self._greenlet.kill(timeout=1)
        self._greenlet = None

    def counts(self) -> dict[str, int | bool]:
        """For metrics: sent, dropped, waiting, connected, gaps."""
        publisher, subscriber = self.publisher, self.subscriber
        return {
            "sent": publisher.sent if publisher else 0,
            "dropped": publisher.dropped if publisher else 0,
            "waiting": publisher.waiting() if publisher else 0,
            "connected": bool(subscriber and subscriber.connected),
            "gaps": subscriber.gaps if subscriber else 0,
        }

    def _dispatch(self, subscriber: Subscriber) -> None:
        for channel, data in subscriber.messages():
            try:
                self._handlers[channel](data)
            except NotOurs:
                self._say(channel)
            except Exception:
                log.exception("an event from %s could not be handled", channel)

    def _say(self, channel: str) -> None:
        if monotonic() >= self._said_at.get(channel, 0.0):
            self._said_at[channel] = monotonic() + SAID_AGAIN
            log.warning(
                "Somebody else speaks on the Redis channel %s (another program, or a process with"
                " another SECRET_KEY): ignored",
                channel,
            )

    @staticmethod
    def _call_all(handlers: list[Callable[[], None]]) -> None:
        for fn in handlers:
            try:
                fn()
            except Exception:
                log.exception("a pub/sub hook failed")


bus = Bus()
