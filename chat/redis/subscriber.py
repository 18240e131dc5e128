"""The receiving half of the bus: a subscription that reconnects and reports gaps."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent

from chat.redis import prefix
from chat.redis.retry_pause import close_quietly, pause_after
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)

PING_EVERY = 5.0
DEAD_AFTER = 15.0  # seconds of silence after which a subscription counts as lost


class Silence(Exception):
    """Redis does not answer on a subscription any more, or is not trusted any more."""


class Subscriber:
    """A subscription that detects a hung server, reconnects, and calls `on_gap` afterwards."""

    def __init__(self, door: Any, channels: list[str], on_gap: Callable[[], None]) -> None:
        self.connected = False
        self.gaps = 0
        self._door, self._channels, self._on_gap = door, channels, on_gap

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """(channel, data) for ever. While Redis is down it polls the breaker, not Redis."""
        failures, gap = 0, False
        while True:
            if not self._door.is_up():
                gap = True
                gevent.sleep(random.uniform(0.5, 1.0))
                continue
            try:
                for item in self._listen():
                    failures = 0
                    if item is not None:
                        yield item
                    elif gap:  # subscribed again
                        gap = False
                        self.gaps += 1
                        telemetry.gap("subscription")
                        gevent.spawn(self._on_gap)
            except Exception as error:  # noqa: BLE001
                gap = True
                log.debug("Redis subscription lost: %s", error)  # the door logs outages
                self._door.refused(error, "listening")
            finally:
                self.connected = False
            failures += 1
            gevent.sleep(pause_after(failures))

    def _listen(self) -> Iterator[tuple[str, bytes] | None]:
        """None after the subscription, then messages. Raises if the subscription is lost."""
        client = pubsub = None
        try:
            client = self._door.new_client()
            pubsub = client.pubsub(ignore_subscribe_messages=False)
            pubsub.subscribe(*map(prefix.full, self._channels))
            heard = pinged = time.monotonic()
            confirmed = 0
            while True:
                message = pubsub.get_message(timeout=1.0)
                now = time.monotonic()
                if message is not None:
                    heard = now
                    if message["type"] == "message":
                        yield prefix.bare(message["channel"].decode()), message["data"]
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
