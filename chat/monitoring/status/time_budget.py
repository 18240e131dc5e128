"""Limits how long the status page waits for MongoDB: PATIENCE seconds in all its queries together.

While the probe says that MongoDB is down, no query is made.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import pymongo
from flask import current_app, g

from chat.models.base import DATABASE_GONE

PATIENCE = 1.5  # seconds for all queries of one page
Answer = TypeVar("Answer")


def ask(what: Callable[[], Answer], instead: Answer) -> Answer:
    """The result of ``what()``; ``instead`` if MongoDB is down or does not answer in time."""
    left = _until() - time.monotonic()
    if left <= 0 or current_app.extensions["chat_status"].mongo.status == "down":
        return instead
    try:
        with pymongo.timeout(left):
            return what()
    except DATABASE_GONE:
        g.mongodb_until = 0.0  # no further query in this request
        return instead


def _until() -> float:
    if "mongodb_until" not in g:
        g.mongodb_until = time.monotonic() + PATIENCE
    return float(g.mongodb_until)
