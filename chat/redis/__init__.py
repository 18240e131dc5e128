"""Access to Redis, and what happens while Redis is slow, wrong or down.

All calls go through `client.Door`. It never raises an error of Redis; it returns `DOWN` instead.
`DOWN` is a value of its own, so that "Redis cannot answer" is never mistaken for "Redis has no
such value". `start` and `stop` run the health watch of one process.
"""

from flask import Flask

from chat.redis.errors import DOWN, Down
from chat.request import concurrency

__all__ = ["DOWN", "Down", "init_app", "start", "stop"]


def init_app(app: Flask) -> None:
    """Tell the door where Redis is. Opens no connection."""
    from chat.redis import deadline, prefix
    from chat.redis.client import redis

    if deadline.renew not in concurrency.afterwards:
        concurrency.afterwards.append(deadline.renew)
    prefix.init_app(app)
    redis.init_app(app)


def start(app: Flask) -> None:
    """Watch Redis from this process. Call once per process, after the fork."""
    from chat.redis import watch
    from chat.redis.client import redis

    watch.start(redis)


def stop(app: Flask) -> None:
    """End the watch and close this process's connections."""
    from chat.redis import watch
    from chat.redis.client import redis

    watch.stop(redis)
    redis.close()
