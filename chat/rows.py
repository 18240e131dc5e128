"""Pieces of pages that were rendered before: a message's row, a member's line.

A piece is kept under everything that it depends on (for a message its id and rev), so it can never
be out of date: a change makes another key. Nothing is shared between processes, and the oldest
pieces go when there are too many characters.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from flask import current_app
from flask_babel import get_locale
from markupsafe import Markup

from chat.i18n import reader_zone

MOST_CHARACTERS = 8_000_000


class Pieces:
    """The most recently used pieces, bounded by their characters together."""

    def __init__(self, most: int = MOST_CHARACTERS) -> None:
        self._kept: OrderedDict[Hashable, str] = OrderedDict()
        self._most, self._size = most, 0

    def get(self, key: Hashable, render: Callable[[], str]) -> str:
        """The piece under this key, rendered now if it is not kept."""
        piece = self._kept.get(key)
        if piece is not None:
            self._kept.move_to_end(key)
            return piece
        piece = render()
        if key not in self._kept:
            self._kept[key] = piece
            self._size += len(piece)
        while self._size > self._most:
            self._size -= len(self._kept.popitem(last=False)[1])
        return piece


_pieces = Pieces()


def message_row(message: dict, reader: object, continued: bool, readonly: bool) -> Markup:
    """A message's row as this reader's page shows it."""
    own = reader.id == message["author"]["id"]  # type: ignore[attr-defined]
    key = (
        *("message", message["id"], message["rev"], own, reader.is_moderator),  # type: ignore[attr-defined]
        *(continued, readonly, str(get_locale()), reader_zone()),
    )
    values = {
        "message": message, "reader": reader, "continued": continued, "readonly": readonly,
    }  # fmt: skip
    return Markup(_pieces.get(key, lambda: _render("messages/_message.html", values)))


def member_line(person: dict, state: str, is_me: bool) -> Markup:
    """A person's line in the list of members."""
    shown = (person["id"], person["nickname"], person["status"])
    key = ("member", *shown, state, is_me, str(get_locale()))
    values = {"person": person, "state": state, "is_me": is_me}
    return Markup(_pieces.get(key, lambda: _render("channels/_member.html", values)))


def _render(template: str, values: dict) -> str:
    return current_app.jinja_env.get_template(template).render(values)
