"""Limits how many things of one client address are in progress at the same time."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class ByAddress:
    """At most ``most`` at a time of each address; ``refusal`` is raised for one more."""

    def __init__(self, most: int, refusal: type[Exception]) -> None:
        self.most, self._refusal = most, refusal
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, address: str) -> Iterator[None]:
        """Count one of this address until the block ends."""
        if self._taken[address] >= self.most:
            raise self._refusal
        self._taken[address] += 1
        try:
            yield
        finally:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]
