"""Empties Redis for an app that is running."""

from chat.redis import mark
from chat.redis.client import redis


def empty_redis() -> None:
    """Everything goes but our mark: that going, too, would be an outage (``chat.redis.mark``)."""

    def empty(client):  # type: ignore[no-untyped-def]
        gone = [name for name in client.scan_iter(count=1000) if name != mark.KEY]
        if gone:
            client.unlink(*gone)

    redis.call(empty)
