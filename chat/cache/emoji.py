"""How often each emoji is used (R7)."""

from collections.abc import Mapping
from typing import Any

from chat.cache import keys, through
from chat.cache.through import Shape
from chat.extensions import redis
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

# Only into counts that are there: a hash that has expired must not come back with one emoji.
COUNT = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for i = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
"""


def get_counts() -> dict[str, int]:
    """Every emoji with its count."""
    return through.get(keys.emoji_counts(), SHAPE, EmojiUse.counts)


def count(uses: Mapping[str, int]) -> None:
    """Add counts that were just written to MongoDB."""
    flat = [x for pair in uses.items() for x in pair]
    redis.run(COUNT, [keys.emoji_counts()], flat, what=keys.emoji_counts())
