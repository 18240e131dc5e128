"""The store of the response cache: API answers, each kept for at most half a minute."""

from dataclasses import dataclass, field

from chat.cache.response_dependencies import Basis
from chat.lru import LRU

MOST_BYTES = 16_000_000
BESIDE_BODY = 4_000  # the approximate memory of an answer besides its body and key, in bytes
MOST_SECONDS = 30.0

Key = tuple[str, ...]
Headers = list[tuple[str, str]]


@dataclass
class CachedResponse:
    """A complete answer, and its basis: all that it depends on except the caller.

    ``compressed``: the body by content encoding, as far as somebody has asked for it.
    """

    body: bytes
    etag: str
    basis: Basis
    route: str
    headers: Headers
    counted: list | None = None  # the cache hits to count each time (``chat.telemetry``)
    compressed: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """An answer to store: for this person only, or for all signed-in people (``alike``)."""

    answer: CachedResponse
    user_id: str
    alike: bool


def new(most: int = MOST_BYTES) -> LRU[Key, CachedResponse]:
    """An empty store; answers expire after MOST_SECONDS."""
    return LRU(most, MOST_SECONDS)


def size_of(key: Key, response: CachedResponse) -> int:
    """The approximate size of a stored answer in bytes; the client decides how long the key is."""
    bodies = (response.body, *response.compressed.values())
    return sum(map(len, bodies)) + BESIDE_BODY + sum(map(len, key))
