"""Lists in pages with numbers: an answer has a page, however long the list is."""

from typing import Any, NamedTuple


class Page(NamedTuple):
    """Part of a list. ``number``: of this page, from 1 to ``pages``; ``total``: of the list."""

    items: list[Any]
    number: int
    pages: int
    total: int


def place(total: int, size: int, wanted: int) -> tuple[int, int, int]:
    """(number, pages, first): the page that is the nearest to the wanted one, and its start."""
    pages = max(1, -(-total // size))
    number = max(1, min(wanted, pages))
    return number, pages, (number - 1) * size


def cut(items: list[Any], size: int, wanted: int) -> Page:
    """A page of a list that is at hand."""
    number, pages, first = place(len(items), size, wanted)
    return Page(items[first : first + size], number, pages, len(items))
