"""Emoji counts (R7): noted as messages are posted, written in batches."""

from collections import Counter

from chat.cache import emoji as cache
from chat.models import EmojiUse
from chat.services.batches import Batches
from chat.text import markdown

FLUSH_SECONDS = 5
_noted: Counter[str] = Counter()


def counts() -> list[dict]:
    """[{emoji, count}], most used first."""
    found = cache.get_counts().items()
    return [{"emoji": e, "count": n} for e, n in sorted(found, key=lambda x: (-x[1], x[0]))]


def note(body: str) -> None:
    """Remember the emoji of a message for the next batch."""
    _noted.update(markdown.emoji_in(body))


def flush() -> None:
    """Write the noted emoji in one batch."""
    if not _noted:
        return
    batch = dict(_noted)
    _noted.clear()
    try:
        EmojiUse.add(batch)
    except Exception:
        _noted.update(batch)  # kept for the next try
        raise


_batches = Batches("emoji counts", flush, FLUSH_SECONDS)
start, stop = _batches.start, _batches.stop
