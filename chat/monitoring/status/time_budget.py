"""What the status page asks MongoDB: together for a second and a half at most, and not at all
while the probe says that it is away."""

import time
from collections.abc import Callable
from typing import TypeVar

import pymongo
from flask import current_app, g

from chat.models.base import DATABASE_GONE

PATIENCE = 1.5  # seconds that a page waits for the database, however much it asks
Answer = TypeVar("Answer")


def ask(what: Callable[[], Answer], instead: Answer) -> Answer:
    """What MongoDB says; ``instead`` if it is known to be away, or does not answer in time."""
    left = _until() - time.monotonic()
    if left <= 0 or current_app.extensions["chat_status"].mongo.status == "down":
        return instead
    try:
        with pymongo.timeout(left):
            return what()
    except DATABASE_GONE:
        g.mongodb_until = 0.0  # it has had its chance in this request
        return instead


def _until() -> float:
    if "mongodb_until" not in g:
        g.mongodb_until = time.monotonic() + PATIENCE
    return float(g.mongodb_until)
