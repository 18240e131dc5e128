"""Cached pieces of pages that are rendered from a few fields of one object.

The cache key of a piece contains the values of these fields, and its template gets only these
fields. So a piece cannot be stale because a field is missing in its key.
"""

from collections.abc import Callable, Hashable, Mapping
from operator import itemgetter
from typing import Any, NoReturn

from flask import current_app


class NotInKey(Exception):
    """A template uses a field that is not in the cache key of its piece."""


class Fields:
    """The fields of an object that a template may use. Any other field raises NotInKey."""

    def __init__(self, template: str, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
        self.__template = template

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotInKey(f"{self.__template} is not drawn from {name}: add it to its fields")


class Drawn:
    """A template, its variable for the object, and the fields that it uses (at least two)."""

    def __init__(self, template: str, name: str, fields: tuple[str, str, *tuple[str, ...]]) -> None:
        self.template, self.name, self.fields = template, name, fields
        self._values: Callable[[Mapping[str, Any]], tuple[Hashable, ...]] = itemgetter(*fields)

    def piece(
        self, thing: Mapping[str, Any], locale: str, **beside: Hashable
    ) -> tuple[Hashable, Callable[[], str]]:
        """(the cache key of the piece, a function that renders it).

        ``beside``: more variables for the template; they are part of the key, too.
        """
        values = self._values(thing)

        def render() -> str:
            shown = Fields(self.template, dict(zip(self.fields, values, strict=True)))
            return draw(self.template, {self.name: shown, **beside})

        return (self.template, values, *beside.values(), locale), render


def draw(template: str, values: dict[str, Any]) -> str:
    """Render a template with only these values."""
    return current_app.jinja_env.get_template(template).render(values)
