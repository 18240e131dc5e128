"""A process that stops using a Redis that still answers says so there, so that nobody else goes on.

What it writes from now on is announced to nobody. Others ask for our mark in each round trip
(``chat.redis.mark``), so the mark is taken away: a deletion is taken also where there is no memory
for a write. Where it is not (too few replicas, no room on the disk, a Cluster, where the mark is
not asked for), a word over pub/sub has to do, which arrives a moment later.
"""

import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from chat.redis import mark
from chat.redis.backoff import close_quietly

if TYPE_CHECKING:
    from chat.redis.client import Door

log = logging.getLogger(__name__)


def revoke(door: "Door", channel: str, word: str) -> bool:
    """Take our mark away, and publish ``word``. Whether nobody can overlook it."""
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
    """Whether there is no mark that anybody could trust, as far as Redis tells."""
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
