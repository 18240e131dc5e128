"""Trying again after a failure: how long to pause, and how to let go of what is broken."""

import logging
from typing import Any

from redis.backoff import EqualJitterBackoff

log = logging.getLogger(__name__)

_PAUSES = EqualJitterBackoff(cap=5.0, base=0.1)
_MOST = 10  # failures; more would be no longer pause, and after 1,023 the library overflows


def pause_after(failures: int) -> float:
    """Seconds: longer after each failure, partly at random so that processes spread out."""
    return _PAUSES.compute(min(failures, _MOST) - 1)


def close_quietly(thing: Any) -> None:
    """Close a client or subscription that may be broken already."""
    if thing is None:
        return
    try:
        thing.close()
    except Exception as error:  # noqa: BLE001
        log.debug("closing: %s", error)
