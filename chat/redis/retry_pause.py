"""Retries: how long to pause after a failure, and how to close a broken client."""

import logging
from typing import Any

from redis.backoff import EqualJitterBackoff

log = logging.getLogger(__name__)

_PAUSES = EqualJitterBackoff(cap=5.0, base=0.1)
_MOST = 10  # failures; more would not lengthen the pause, and the library overflows after 1,023


def pause_after(failures: int) -> float:
    """Seconds to pause: longer after each failure, with jitter so that processes spread out."""
    return _PAUSES.compute(min(failures, _MOST) - 1)


def close_quietly(thing: Any) -> None:
    """Close a client or subscription that may be broken already."""
    if thing is None:
        return
    try:
        thing.close()
    except Exception as error:  # noqa: BLE001
        log.debug("closing: %s", error)
