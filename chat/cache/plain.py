"""JSON as the caches write it: compact, text as it is, and null for "known to be nothing"."""

import json
from typing import Any

from chat.cache.through import Shape


def dump(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_string(feature: str, ttl: str) -> Shape:
    """A JSON value in a Redis string; None is kept as null, so "nothing" is cached too."""
    return Shape(feature, ttl, ("GET",), "SET", lambda value: [dump(value)], json.loads)
