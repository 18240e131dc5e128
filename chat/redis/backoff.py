"""Trying again after a failure: how long to pause, and how to let go of what is broken."""

import logging
import random
from typing import Any

log = logging.getLogger(__name__)

MAX_BACKOFF = 5.0


def backoff(delay: float) -> float:
    """The next, longer delay; callers sleep a random part of it so that processes spread out."""
    return min(MAX_BACKOFF, delay * 2 or 0.1)


def jitter(delay: float) -> float:
    """A random part of a delay, at least half of it."""
    return delay * random.uniform(0.5, 1)


def close_quietly(thing: Any) -> None:
    """Close a client or subscription that may be broken already."""
    if thing is None:
        return
    try:
        thing.close()
    except Exception as error:  # noqa: BLE001
        log.debug("closing: %s", error)
