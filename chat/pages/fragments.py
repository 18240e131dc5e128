"""Pages put together from pieces that were rendered before.

Nearly all of a page of history is such pieces. Handed through the templates they would be copied
some ten times over, and one emoji makes Python keep a text at four bytes a character. So a template
gets a mark in their place, and they go in last, as the bytes that are sent.
"""

from collections.abc import Callable, Hashable
from secrets import token_hex
from typing import Any, Generic, TypeVar

from flask import render_template
from markupsafe import Markup

from chat.lru import LRU

T = TypeVar("T", str, bytes)

_MARK = f"piece-{token_hex(16)}:"  # nobody can write what nobody can guess
_END = b";"


class Pieces(Generic[T]):
    """The most recently used pieces, bounded by their length together."""

    def __init__(self, most: int) -> None:
        self._kept: LRU[Hashable, T] = LRU(most)

    def get(self, key: Hashable, render: Callable[[], T]) -> T:
        """The piece under this key, rendered now if it is not kept."""
        piece = self._kept.get(key)
        if piece is None:
            piece = render()
            self._kept.put(key, piece, len(piece))
        return piece


def render(template: str, pieces: dict[str, bytes], **values: Any) -> bytes:
    """The page of this template, as UTF-8; each of ``pieces`` stands where it writes its name."""
    marks = {name: Markup(f"{_MARK}{name};") for name in pieces}
    first, *others = render_template(template, **marks, **values).encode().split(_MARK.encode())
    parts = [first]
    for other in others:
        name, _, text = other.partition(_END)
        parts += (pieces[name.decode()], text)
    return b"".join(parts)
