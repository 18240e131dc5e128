"""How often each emoji is used (R7)."""

from typing import Any

from chat.cache import keys, through
from chat.cache.through import Shape, Source
from chat.models import EmojiUse


def _decode(flat: Any) -> dict[str, int]:
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    return {emoji: int(count) for emoji, count in pairs if emoji}


SHAPE = Shape(
    "emoji",
    "TTL_EMOJI",
    ("HGETALL",),
    "HSET",
    lambda counts: [x for pair in counts.items() for x in pair] or ["", 0],
    _decode,
)


def get_counts() -> dict[str, int]:
    """Every emoji with its count."""
    return through.get(source())  # type: ignore[no-any-return]


def source() -> Source:
    """All counts."""
    return Source(keys.emoji_counts(), SHAPE, EmojiUse.counts)
