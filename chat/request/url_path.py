"""Checks whether a URL path belongs to a part of the site."""

from collections.abc import Iterable


def is_within(path: str, places: Iterable[str]) -> bool:
    """Whether the path is one of these places or below one.

    /health and /health/redis are within /health, /healthy-food is not.
    """
    return any(path == place or path.startswith(f"{place}/") for place in places)
