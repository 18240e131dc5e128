"""Redis pub/sub that neither blocks its callers nor goes deaf.

One `Bus` per process carries both the Socket.IO queue and `updates:*`: what this process
publishes arrives everywhere else in the order in which it was published. Pub/sub delivers at most
once, so whoever listens also hears about gaps (`on_gap`) and then looks for itself.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent import queue

from chat.metrics import count

log = logging.getLogger(__name__)

PING_EVERY = 5.0
DEAD_AFTER = 15.0  # seconds of silence after which a subscription counts as lost
MAX_BACKOFF = 5.0
OUTBOX_SIZE = 2000
AT_ONCE = 50  # messages in one round trip


class Silence(Exception):
    """Redis no longer answers on a subscription, or is no longer trusted."""


def backoff(delay: float) -> float:
    """The next, longer delay; callers sleep a random part of it so that processes spread out."""
    return min(MAX_BACKOFF, delay * 2 or 0.1)


def jitter(delay: float) -> float:
    """A random part of a delay, at least half of it."""
    return delay * random.uniform(0.5, 1)


class Publisher:
    """An outbox with a Redis client of its own. `publish` never waits and never raises.

    While Redis is away messages are shed, not kept: after an outage receivers look for themselves
    (`on_shed` tells when that became necessary), and stale events would only be in the way.
    """

    def __init__(self, door: Any, on_shed: Callable[[], None] | None = None) -> None:
        self.sent = self.dropped = 0
        self._door, self._on_shed = door, on_shed
        self._outbox: queue.Queue = queue.Queue(maxsize=OUTBOX_SIZE)
        self._greenlet: gevent.Greenlet | None = None
        self._client: Any = None
        self._shed = False

    def publish(self, channel: str, body: str) -> bool:
        """Put a message into the outbox; False if it was shed."""
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
        """Send what is in the outbox, for at most `patience` seconds, and end."""
        until = time.monotonic() + patience
        while self._greenlet and not self._outbox.empty() and time.monotonic() < until:
            gevent.sleep(0.02)
        if self._greenlet:
            # The greenlet may be between taking a message and having sent it.
            self._greenlet.join(timeout=0.05)
            self._greenlet.kill(timeout=1)
        self._greenlet = None
        self._close()

    def waiting(self) -> int:
        """How many messages are in the outbox."""
        return self._outbox.qsize()

    def _drop(self) -> bool:
        self.dropped += 1
        count.published("dropped")
        self._shed = True
        return False

    def _drain(self) -> None:
        delay = 0.0
        while True:
            try:
                self._send_next()
                delay = 0.0
            except Exception as error:  # noqa: BLE001 - a Cluster's errors are not RedisErrors
                self._drop()
                self._close()
                log.debug("publish failed: %s", error)
                delay = backoff(delay)
                self._shed_for(jitter(delay))

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
            for _ in batch[1:]:  # the caller sheds one
                self._drop()
            raise
        for _channel, _body, since in batch:
            self.sent += 1
            count.published("sent", time.monotonic() - since)
        self._tell_if_shed()

    def _send(self, batch: list[tuple[str, str, float]]) -> None:
        """What is waiting goes in one round trip: a post alone says two things."""
        if self._client is None:
            self._client = self._door.new_client()
        pipe = self._client.pipeline(transaction=False)
        for channel, body, _since in batch:
            pipe.publish(channel, body)
        pipe.execute()

    def _look_whether_back(self) -> None:
        """Nothing to send, but others missed something: tell them as soon as Redis is back."""
        if not self._door.is_up():
            return
        if self._client is None:
            self._client = self._door.new_client()
        self._client.ping()
        self._tell_if_shed()

    def _tell_if_shed(self) -> None:
        if self._shed and self._door.is_up():
            self._shed = False
            count.gap("publisher")
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


class Subscriber:
    """A watched subscription: it notices a hung server, reconnects, and tells about the gap."""

    def __init__(self, door: Any, channels: list[str], on_gap: Callable[[], None]) -> None:
        self.connected = False
        self.gaps = 0
        self._door, self._channels, self._on_gap = door, channels, on_gap

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """(channel, data) for ever. While Redis is away it waits, asking only the breaker."""
        delay, gap = 0.0, False
        while True:
            if not self._door.is_up():
                gap = True
                gevent.sleep(jitter(1.0))
                continue
            try:
                for item in self._listen():
                    delay = 0.0
                    if item is not None:
                        yield item
                    elif gap:  # subscribed again
                        gap = False
                        self.gaps += 1
                        count.gap("subscription")
                        gevent.spawn(self._on_gap)
            except Exception as error:  # noqa: BLE001
                gap = True
                log.info("Redis subscription lost: %s", error)
            finally:
                self.connected = False
            delay = backoff(delay)
            gevent.sleep(jitter(delay))

    def _listen(self) -> Iterator[tuple[str, bytes] | None]:
        """First None (subscribed), then messages; raises when the subscription is lost."""
        client = pubsub = None
        try:
            client = self._door.new_client()
            pubsub = client.pubsub(ignore_subscribe_messages=False)
            pubsub.subscribe(*self._channels)
            heard = pinged = time.monotonic()
            confirmed = 0
            while True:
                message = pubsub.get_message(timeout=1.0)
                now = time.monotonic()
                if message is not None:
                    heard = now
                    if message["type"] == "message":
                        yield message["channel"].decode(), message["data"]
                    elif message["type"] == "subscribe":
                        confirmed += 1
                        if confirmed == len(self._channels):
                            self.connected = True
                            yield None
                if now - heard > DEAD_AFTER:
                    raise Silence(f"nothing heard for {DEAD_AFTER:.0f} s")
                if not self._door.is_up():
                    raise Silence("Redis is down")
                if now - pinged > PING_EVERY:
                    pubsub.ping()
                    pinged = now
        finally:
            close_quietly(pubsub)
            close_quietly(client)


class Bus:
    """What one process says to the others and hears from them."""

    def __init__(self) -> None:
        self.publisher: Publisher | None = None
        self.subscriber: Subscriber | None = None
        self._handlers: dict[str, Callable[[bytes], None]] = {}
        self._gap_handlers: list[Callable[[], None]] = []
        self._shed_handlers: list[Callable[[], None]] = []
        self._greenlet: gevent.Greenlet | None = None
        self._door: Any = None

    def init_app(self, door: Any) -> None:
        """Say which Redis. Opens nothing. A second app starts with a clean bus."""
        self._door = door
        self.publisher = Publisher(door, lambda: self._call_all(self._shed_handlers))
        self.subscriber = None
        self._handlers, self._gap_handlers, self._shed_handlers = {}, [], []

    def listen(self, channel: str, fn: Callable[[bytes], None]) -> None:
        """`fn(data)` for each message on a channel. To be said before `start`; must be quick."""
        self._handlers[channel] = fn

    def on_gap(self, fn: Callable[[], None]) -> None:
        """`fn()` whenever messages of others may have been missed."""
        self._gap_handlers.append(fn)

    def on_shed(self, fn: Callable[[], None]) -> None:
        """`fn()` when Redis is back after messages of this process were lost."""
        self._shed_handlers.append(fn)

    def publish(self, channel: str, body: str) -> bool:
        return bool(self.publisher and self.publisher.publish(channel, body))

    def start(self) -> None:
        """Begin to listen; once per process, after the fork."""
        if self._greenlet or self._door is None or not self._door.enabled:
            return
        on_gap = lambda: self._call_all(self._gap_handlers)  # noqa: E731
        self.subscriber = Subscriber(self._door, sorted(self._handlers), on_gap)
        self._greenlet = gevent.spawn(self._dispatch, self.subscriber)

    def stop(self) -> None:
        """Send what is still in the outbox (at most a second) and end. May be called twice."""
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
            except Exception:
                log.exception("an event from %s could not be handled", channel)

    @staticmethod
    def _call_all(handlers: list[Callable[[], None]]) -> None:
        for fn in handlers:
            try:
                fn()
            except Exception:
                log.exception("a pub/sub hook failed")


def close_quietly(thing: Any) -> None:
    """Close a client or subscription that may be broken already."""
    if thing is None:
        return
    try:
        thing.close()
    except Exception as error:  # noqa: BLE001
        log.debug("closing: %s", error)


bus = Bus()
