"""Keeps decoded copies of cached values in this process, and results made from them.

Every read asks Redis whether the version of the copy is still current, and only then uses the copy
(``chat.cache.fence``). So a copy saves the transfer and the decoding of a value, but not the round
trip.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chat.lru import LRU

T = TypeVar("T")

MOST_CHARACTERS = 8_000_000  # as Redis sent them; the decoded values take several times as much
MOST_OF_ONE = 1_000_000
MOST_MADE = 2_000


@dataclass(frozen=True, slots=True)
class Copy:
    """A decoded value and its version (None: no version, the copy is not used again).

    All requests of the process share copies: callers must not change the value.
    """

    value: Any
    version: str | None = None


class Copies:
    """An LRU of copies, limited by the sum of their characters."""

    def __init__(self, most: int = MOST_CHARACTERS, most_of_one: int = MOST_OF_ONE) -> None:
        self._kept: LRU[str, Copy] = LRU(most)
        self._too_big: LRU[str, bool] = LRU(MOST_MADE)
        self._most_of_one = most_of_one

    def get(self, key: str) -> Copy | None:
        """The copy of this key, or None. It may be stale: ask Redis whether it is current."""
        return self._kept.get(key)

    def keep(self, key: str, copy: Copy, size: int) -> None:
        """Keep a copy unless ``size``, its characters in Redis, is over the limit for one copy."""
        if size > self._most_of_one:
            self._kept.drop(key)
            self._too_big.put(key, True)
        else:
            self._kept.put(key, copy, size)
            self._too_big.drop(key)

    def drop(self, key: str) -> None:
        """Remove one copy."""
        self._kept.drop(key)

    def is_too_big(self, key: str) -> bool:
        """Whether the value was too big to be kept; then ask Redis for parts of it."""
        return key in self._too_big

    def clear(self) -> None:
        """Remove all copies."""
        self._kept.clear()
        self._too_big.clear()


class Made(Generic[T]):
    """An LRU of results made from cached values. A result is reused while its basis is the same."""

    def __init__(
        self, most: int = MOST_MADE, is_worth_it: Callable[[T], bool] = lambda _: True
    ) -> None:
        self._kept: LRU[Hashable, tuple[tuple, T]] = LRU(most)
        self._is_worth_it = is_worth_it

    def get(self, key: Hashable, basis: tuple, make: Callable[[], T]) -> T:
        """The result kept under ``key`` if it was made from this basis, else ``make()``.

        The basis is everything that the result depends on: versions, and values that are fast to
        compare. If it contains None, a version is unknown: then nothing is kept.
        """
        if None in basis:
            return make()
        kept = self._kept.get(key)
        if kept is not None and kept[0] == basis:
            return kept[1]
        made = make()
        if self._is_worth_it(made):
            self._kept.put(key, (basis, made))
        return made


copies = Copies()


def size_of(reply: Any) -> int:
    """The approximate number of characters in an answer of Redis."""
    if isinstance(reply, str):
        return len(reply)
    if isinstance(reply, list):
        return sum(map(size_of, reply))
    return 8
