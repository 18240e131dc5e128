"""Copies in this process of what Redis holds, and what was made from them.

A copy is used only after Redis has said, in the round trip of this very read, that the version it
was taken under is still the current one (``chat.cache.fence``). So it saves moving and decoding a
value, never the question whether it is still true.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chat.lru import LRU

T = TypeVar("T")

MOST_CHARACTERS = 8_000_000  # of what Redis sent; decoded it is some times as big
MOST_OF_ONE = 1_000_000
MOST_MADE = 2_000


@dataclass(frozen=True, slots=True)
class Copy:
    """A decoded value and the version it belongs to (None: no version, never used again).

    Copies are shared by all requests of the process: nobody may change what is in them.
    """

    value: Any
    version: str | None = None


class Copies:
    """The copies used last, bounded by their characters together."""

    def __init__(self, most: int = MOST_CHARACTERS, most_of_one: int = MOST_OF_ONE) -> None:
        self._kept: LRU[str, Copy] = LRU(most)
        self._too_big: LRU[str, bool] = LRU(MOST_MADE)
        self._most_of_one = most_of_one

    def get(self, key: str) -> Copy | None:
        """The copy of this key, which may be out of date: ask Redis about its version."""
        return self._kept.get(key)

    def keep(self, key: str, copy: Copy, size: int) -> None:
        """Keep a copy that Redis sent as so many characters, unless that is too much."""
        if size > self._most_of_one:
            self._kept.drop(key)
            self._too_big.put(key, True)
        else:
            self._kept.put(key, copy, size)
            self._too_big.drop(key)

    def drop(self, key: str) -> None:
        """Forget one."""
        self._kept.drop(key)

    def is_too_big(self, key: str) -> bool:
        """Whether the whole value was too big to be kept: then ask for parts of it."""
        return key in self._too_big

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._too_big.clear()


class Made(Generic[T]):
    """What was made from cached values, for as long as it would be made from the same again."""

    def __init__(
        self, most: int = MOST_MADE, is_worth_it: Callable[[T], bool] = lambda _: True
    ) -> None:
        self._kept: LRU[Hashable, tuple[tuple, T]] = LRU(most)
        self._is_worth_it = is_worth_it

    def get(self, key: Hashable, basis: tuple, make: Callable[[], T]) -> T:
        """What is kept under ``key`` if it was made from this basis, else ``make()``.

        The basis is what the thing depends on: versions, and values that are quick to compare. A
        version of None says that nobody can tell: then nothing is kept.
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
    """About how many characters an answer of Redis has."""
    if isinstance(reply, str):
        return len(reply)
    if isinstance(reply, list):
        return sum(map(size_of, reply))
    return 8
