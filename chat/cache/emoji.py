"""How often each emoji is used (R7)."""

from chat.cache import read_through
from chat.cache.decoders import decoder
from chat.cache.read_through import Shape, Source
from chat.cache.shapes import nothing
from chat.models import EmojiUse
from chat.redis_schema import keys

SHAPE = Shape(
    "emoji",
    "TTL_EMOJI",
    ("HGETALL",),
    "HSET",
    lambda counts, key: [x for pair in counts.items() for x in pair] or [nothing(key), 0],
    decoder("cache:emoji:classics"),
)


def get_counts() -> dict[str, int]:
    """Every emoji with its count."""
    return read_through.get(source())  # type: ignore[no-any-return]


def source() -> Source:
    """All counts."""
    return Source(keys.emoji_counts(), SHAPE, EmojiUse.counts)
