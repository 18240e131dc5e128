"""The timeouts of one call to Redis. ``chat.redis.deadline`` limits all calls of one request."""

from typing import Any

from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

# Seconds. While Redis hangs, a request must be answered from MongoDB within half a second. A busy
# process does not lose answers to these timeouts: gevent delivers data that has arrived before it
# checks the time.
READ_TIMEOUT, CONNECT_TIMEOUT = 0.15, 0.15
POOL_WAIT = 0.15


def never_again() -> Retry:
    """Disable retries: a second try would double the wait and might run a write twice."""
    return Retry(NoBackoff(), 0)


def limits(**own: Any) -> dict[str, Any]:
    """Timeouts of every connection: a server that hangs must not hang its callers."""
    return {
        "socket_timeout": READ_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "retry": never_again(),
        # If enabled, the library tolerates answers that no command waits for.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        **own,
    }
