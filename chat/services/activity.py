"""When people were last active: noted on each request, written in batches (R26)."""

import logging
from datetime import datetime

import gevent
from flask import Flask

from chat.cache import users as cache
from chat.models import User, base

FLUSH_SECONDS = 10
AT_MOST_EVERY_SECONDS = 60
MOST_REMEMBERED = 20_000
_noted: dict[str, datetime] = {}
_written: dict[str, datetime] = {}
_flusher: gevent.Greenlet | None = None
log = logging.getLogger(__name__)


def touch(user_id: str) -> None:
    """Somebody did something. Costs a look into a dict; at most one write a person a minute."""
    moment = base.now()
    last = _written.get(user_id)
    if last is None or (moment - last).total_seconds() >= AT_MOST_EVERY_SECONDS:
        _noted[user_id] = moment


def flush() -> None:
    """Write what was noted: MongoDB first, then the order of the cached list."""
    if not _noted:
        return
    batch = dict(_noted)
    User.touch_all(batch)
    for user_id, moment in batch.items():
        if _noted.get(user_id) == moment:
            del _noted[user_id]
    if len(_written) > MOST_REMEMBERED:
        _written.clear()
    _written.update(batch)
    cache.store_activity(batch)


def start(app: Flask) -> None:
    """Write batches in the background of this process."""
    global _flusher
    _flusher = gevent.spawn(_run, app)


def stop(app: Flask) -> None:
    """Write the last batch on a graceful stop."""
    if _flusher is not None:
        _flusher.kill()
    with app.app_context():
        flush()


def _run(app: Flask) -> None:
    while True:
        gevent.sleep(FLUSH_SECONDS)
        with app.app_context():
            try:
                flush()
            except Exception:
                log.exception("activity could not be written; it is kept")
