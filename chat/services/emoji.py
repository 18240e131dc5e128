"""Emoji counts (R7): noted as messages are posted, written in batches."""

import logging
from collections import Counter

import gevent
from flask import Flask

from chat import markup
from chat.cache import emoji as cache
from chat.models import EmojiUse

FLUSH_SECONDS = 5
_noted: Counter[str] = Counter()
_flusher: gevent.Greenlet | None = None
log = logging.getLogger(__name__)


def counts() -> list[dict]:
    """[{emoji, count}], most used first."""
    found = cache.get_counts().items()
    return [{"emoji": e, "count": n} for e, n in sorted(found, key=lambda x: (-x[1], x[0]))]


def note(body: str) -> None:
    """Remember the emoji of a message for the next batch."""
    _noted.update(markup.emoji_in(body))


def flush() -> None:
    """Write what was noted: MongoDB first, then the cached counts."""
    if not _noted:
        return
    batch = dict(_noted)
    _noted.clear()
    try:
        EmojiUse.add(batch)
    except Exception:
        _noted.update(batch)  # kept for the next try
        raise
    cache.count(batch)


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
                log.exception("emoji counts could not be written; they are kept")
