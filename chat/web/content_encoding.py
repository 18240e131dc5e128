"""Which compressed form of an answer a browser accepts (RFC 9110, 12.5.3)."""

from collections.abc import Iterable
from functools import lru_cache

PLAIN = "identity"


def best(accepted: str, offered: Iterable[str]) -> str:
    """The first of ``offered`` that the Accept-Encoding header ``accepted`` allows, or PLAIN."""
    weights = _weights(accepted)
    others = weights.get("*", 0.0)
    return next((name for name in offered if weights.get(name, others) > 0), PLAIN)


@lru_cache(maxsize=256)  # browsers send one of a few headers
def _weights(accepted: str) -> dict[str, float]:
    return dict(map(_weight, accepted.lower().split(",")))


def _weight(part: str) -> tuple[str, float]:
    """The name of an encoding and its weight: 1 if none is given, 0 if it cannot be read."""
    name, _, parameters = part.partition(";")
    key, _, value = parameters.partition("=")
    try:
        return name.strip(), float(value) if key.strip() == "q" else 1.0
    except ValueError:
        return name.strip(), 0.0
