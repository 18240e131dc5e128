"""Lets a process that stops using a working Redis stop all other processes from trusting it.

From then on the writes of this process are not announced in Redis. The other processes check our
mark in each round trip (``chat.redis.mark``), so this process deletes the mark's epoch. A full
Redis still accepts a deletion. If it does not (too few replicas, disk full), or in a Cluster, where
round trips do not check the mark, a message over pub/sub is sent; it arrives a moment later.
"""

import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from chat.redis import mark
from chat.redis.retry_pause import close_quietly

if TYPE_CHECKING:
    from chat.redis.client import Door

log = logging.getLogger(__name__)


def revoke(door: "Door", channel: str, word: str) -> bool:
    """Delete our mark's epoch and publish ``word``. True if no process can miss the deletion."""
    client = None
    try:
        client = door.new_client()
        took, told = client.together([mark.REVOKE, ("PUBLISH", channel, word)])
    except (RedisError, OSError) as error:
        log.debug("nobody could be told in Redis: %s", error)
        return False
    finally:
        close_quietly(client)
    for answer in (took, told):
        if isinstance(answer, Exception):
            log.debug("not everybody could be told in Redis: %s", answer)
    return door.connector.mode != "cluster" and not isinstance(took, Exception)


def is_revoked(door: "Door") -> bool:
    """Whether the epoch is gone. False if Redis does not answer, and in a Cluster."""
    if door.connector.mode == "cluster":
        return False
    client = None
    try:
        client = door.new_client()
        return client.hget(mark.KEY, "epoch") is None
    except (RedisError, OSError) as error:
        log.debug("looking for our mark: %s", error)
        return False
    finally:
        close_quietly(client)
