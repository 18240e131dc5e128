"""Assembles pages from pieces that were rendered before.

Almost all of a page of history consists of such pieces. If they went through the templates, they
would be copied about ten times, and one emoji makes Python store a text with four bytes for each
character. So a template gets a placeholder, and the pieces are inserted at the end, as bytes.
"""

from collections.abc import Callable, Hashable
from secrets import token_hex
from typing import Any, Generic, TypeVar

from flask import render_template
from markupsafe import Markup

from chat.lru import LRU

T = TypeVar("T", str, bytes)

_MARK = f"piece-{token_hex(16)}:"  # random, so that no user text can contain it
_END = b";"


class Pieces(Generic[T]):
    """An LRU of rendered pieces, limited by the sum of their lengths."""

    def __init__(self, most: int) -> None:
        self._kept: LRU[Hashable, T] = LRU(most)

    def get(self, key: Hashable, render: Callable[[], T]) -> T:
        """The piece of this key; rendered and stored if it is missing."""
        piece = self._kept.get(key)
        if piece is None:
            piece = render()
            self._kept.put(key, piece, len(piece))
        return piece


def render(template: str, pieces: dict[str, bytes], **values: Any) -> bytes:
    """Render a page as UTF-8. Each of ``pieces`` replaces the variable of its name."""
    marks = {name: Markup(f"{_MARK}{name};") for name in pieces}
    first, *others = render_template(template, **marks, **values).encode().split(_MARK.encode())
    parts = [first]
    for other in others:
        name, _, text = other.partition(_END)
        parts += (pieces[name.decode()], text)
    return b"".join(parts)
