"""A piece of a page that is drawn from a few fields of one thing.

The fields decide the key under which the piece is kept, and they are all that its template is
given. So no piece is out of date because somebody forgot to add a field to its key.
"""

from collections.abc import Callable, Hashable, Mapping
from operator import itemgetter
from typing import Any, NoReturn

from flask import current_app


class NotInKey(Exception):
    """A template asks for a field that its piece is not kept under."""


class Fields:
    """The fields of a thing that a template may draw. Any other is an error, not an empty text."""

    def __init__(self, template: str, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
        self.__template = template

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotInKey(f"{self.__template} is not drawn from {name}: add it to its fields")


class Drawn:
    """A template, what it calls the thing, and the fields of it that it draws (two at least)."""

    def __init__(self, template: str, name: str, fields: tuple[str, str, *tuple[str, ...]]) -> None:
        self.template, self.name, self.fields = template, name, fields
        self._values: Callable[[Mapping[str, Any]], tuple[Hashable, ...]] = itemgetter(*fields)

    def piece(
        self, thing: Mapping[str, Any], locale: str, **beside: Hashable
    ) -> tuple[Hashable, Callable[[], str]]:
        """(the key under which the piece is kept, what draws it). ``beside`` is drawn, too."""
        values = self._values(thing)

        def render() -> str:
            shown = Fields(self.template, dict(zip(self.fields, values, strict=True)))
            return draw(self.template, {self.name: shown, **beside})

        return (self.template, values, *beside.values(), locale), render


def draw(template: str, values: dict[str, Any]) -> str:
    """A template with these values alone."""
    return current_app.jinja_env.get_template(template).render(values)
