"""The API's answers of the last half minute, and for whom they may be given again."""

from dataclasses import dataclass

from chat.cache.dependencies import Basis
from chat.lru import LRU

MOST_BYTES = 16_000_000
BESIDE_BODY = 4_000  # about what an answer takes beside its body and its address
MOST_SECONDS = 30.0

Key = tuple[str, ...]
Headers = list[tuple[str, str]]


@dataclass
class CachedResponse:
    """A whole answer and all that it depends on beside who asks."""

    body: bytes
    etag: str
    basis: Basis
    route: str
    headers: Headers
    counted: list | None = None  # its basis, as the figures count it (``chat.telemetry``)


@dataclass(frozen=True)
class Offer:
    """An answer that may be given again: to this person, or to everybody who may ask."""

    answer: CachedResponse
    user_id: str
    alike: bool


def new(most: int = MOST_BYTES) -> LRU[Key, CachedResponse]:
    """An empty store; each answer is in it for half a minute at most."""
    return LRU(most, MOST_SECONDS)


def size_of(key: Key, response: CachedResponse) -> int:
    """About the bytes that a kept answer takes: whoever asks chooses the length of the address."""
    return len(response.body) + BESIDE_BODY + sum(map(len, key))
