"""The Redis message queue of Socket.IO (C6), built so that an emit never waits for Redis.

python-socketio's own RedisManager blocks each emit until Redis answers, cuts its subscription
when a publish fails, and never notices a server that hangs. This one hands messages to the bus;
this process's own sockets have been served by then.
"""

import json
import logging
import os
from typing import Any
from uuid import uuid4

import socketio

from chat.redis.pubsub import bus

log = logging.getLogger(__name__)

_BOOT = uuid4().hex


class QueueManager(socketio.PubSubManager):
    """A client manager over `chat.redis.pubsub.bus`."""

    name = "redis"

    def __init__(self, channel: str = "chat:socketio") -> None:
        super().__init__(channel=channel)

    def initialize(self) -> None:
        """Nothing at the first client: the bus listens since the start of the process."""

    @property
    def host_id(self) -> str:
        """This process's own name: forked workers that shared one would ignore each other."""
        return f"{_BOOT}-{os.getpid()}"

    @host_id.setter
    def host_id(self, value: str) -> None:
        """The library picks one before the fork."""

    def receive(self, body: bytes) -> None:
        """Apply another process's emit to the sockets here."""
        message = json.loads(body)
        if message.get("host_id") != self.host_id and message.get("method") == "emit":
            self._handle_emit(message)

    def _publish(self, data: dict[str, Any]) -> None:
        bus.publish(self.channel, self.json.dumps(data))
