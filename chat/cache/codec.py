"""Encodes cached values: compact JSON without ASCII escapes, and a marker for "does not exist"."""

import json
from typing import Any

from chat.cache.decoders import decoder
from chat.cache.read_through import Shape
from chat.cache.shapes import nothing


def dump(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_string(name: str, feature: str, ttl: str) -> Shape:
    """The shape of a JSON value in a Redis string. "Does not exist" is cached, too."""
    return Shape(
        feature, ttl, ("GET",), "SET", lambda value, key: [text(value, key)], decoder(name)
    )


def text(value: Any, key: str) -> str:
    """The text to store at a key: JSON, or the marker for None."""
    return nothing(key) if value is None else dump(value)
