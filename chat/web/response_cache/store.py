"""Answers that were given a moment ago, and for whom they may be given again."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from chat.cache.dependencies import Basis

MOST_BYTES = 16_000_000
BESIDE_BODY = 4_000  # about what an answer takes beside its body and its address
MOST_SECONDS = 30.0

Key = tuple[str, ...]
Headers = list[tuple[str, str]]


@dataclass
class Answer:
    """A whole answer and all that it depends on beside who asks."""

    body: bytes
    etag: str
    basis: Basis
    route: str
    headers: Headers
    until: float = 0.0
    counted: list | None = None  # its basis, as the figures count it (``chat.telemetry``)


@dataclass(frozen=True)
class Offer:
    """An answer that may be given again: to this person, or to everybody who may ask."""

    answer: Answer
    user_id: str
    alike: bool


class Kept:
    """The answers given last, bounded by their bytes together."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._kept: OrderedDict[Key, Answer] = OrderedDict()
        self._most, self._size = most, 0

    def get(self, key: Key) -> Answer | None:
        """What was answered, if that was a moment ago."""
        answer = self._kept.get(key)
        if answer is None or answer.until < time.monotonic():
            self.drop(key)
            return None
        self._kept.move_to_end(key)
        return answer

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer for half a minute at most."""
        self.drop(key)
        answer.until = time.monotonic() + MOST_SECONDS
        self._kept[key] = answer
        self._size += _size(key, answer)
        while self._size > self._most:
            self._size -= _size(*self._kept.popitem(last=False))

    def drop(self, key: Key) -> None:
        """Forget one."""
        answer = self._kept.pop(key, None)
        self._size -= _size(key, answer) if answer else 0

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._size = 0


def _size(key: Key, answer: Answer) -> int:
    """About the bytes that a kept answer takes: whoever asks chooses the length of the address."""
    return len(answer.body) + BESIDE_BODY + sum(map(len, key))
