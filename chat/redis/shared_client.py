"""The client that all greenlets of a process share: made at first use, dropped after errors."""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

import redis

from chat.redis import metrics as redis_metrics
from chat.redis.connect import Connector
from chat.redis.mark import Mark
from chat.redis.pipeline import ServerClient
from chat.redis.timed_socket import TimedSocket
from chat.redis.timeouts import POOL_WAIT

log = logging.getLogger(__name__)


class SharedClient:
    """Holds one client at a time. A client that a parent made before the fork is not used."""

    def __init__(self) -> None:
        self.client: Any = None
        self.mark = Mark()
        self._pid: int | None = None
        self._building = threading.Lock()

    def get(self, connector: Connector, check: Callable[[Any], None]) -> Any:
        """The client; made if there is none.

        ``check(connection)`` is called for each new connection of its pool, and may raise. Raises
        MaxConnectionsError if another greenlet takes longer than POOL_WAIT to make the client.
        """
        client = self.client
        if client is not None and self._pid == os.getpid():
            return client
        if not self._building.acquire(timeout=POOL_WAIT):
            raise redis.exceptions.MaxConnectionsError("another greenlet is still connecting")
        try:
            if self.client is None or self._pid != os.getpid():
                client = connector.client(lambda connection: self._greet(connection, check))
                if isinstance(client, ServerClient):
                    client.mark = self.mark
                self.client = redis_metrics.watch(client)
                self._pid = os.getpid()
            return self.client
        finally:
            self._building.release()

    def drop(self) -> None:
        """Drop the client; the next caller makes a new one.

        Calls in progress keep their connections and end by their own timeouts.
        """
        client, self.client = self.client, None
        if client is None or self._pid != os.getpid():
            return
        try:
            pools = getattr(client, "connection_pool", None)
            if pools is not None:
                pools.disconnect(inuse_connections=False)
            else:
                client.close()
        except Exception as error:  # noqa: BLE001 - the client is not used again
            log.debug("closing a Redis client: %s", error)

    def _greet(self, connection: Any, check: Callable[[Any], None]) -> None:
        connection._sock = TimedSocket(connection._sock)
        connection.on_connect()
        check(connection)
