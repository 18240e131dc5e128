"""JSON as the caches write it: compact, text as it is, and a marker for "known to be nothing"."""

import json
from typing import Any

from chat.cache.decoders import decoder
from chat.cache.read_through import Shape
from chat.cache.shapes import nothing


def dump(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_string(name: str, feature: str, ttl: str) -> Shape:
    """A JSON value in a Redis string; that there is none is kept, too."""
    return Shape(
        feature, ttl, ("GET",), "SET", lambda value, key: [text(value, key)], decoder(name)
    )


def text(value: Any, key: str) -> str:
    """What is stored at a key."""
    return nothing(key) if value is None else dump(value)
