"""Whole numbers from outside: as many as JSON, JavaScript and MongoDB all hold exactly."""

from flask import Flask
from werkzeug.routing import IntegerConverter

MOST = 2**53 - 1
_DIGITS = len(str(MOST)) - 1  # so many always fit


class InPath(IntegerConverter):
    """``<int:…>`` in a route: an address with a greater number leads nowhere."""

    regex = f"[0-9]{{1,{_DIGITS}}}"


def init_app(app: Flask) -> None:
    """Bounds the numbers of all routes; called before there are any."""
    app.url_map.converters["int"] = InPath


def nearest(text: str) -> int:
    """A number that somebody typed, or the nearest one from 0 to ``MOST``; else ValueError."""
    return within(int(text))


def within(number: int, least: int = 0) -> int:
    """The nearest number that MongoDB takes."""
    return max(least, min(number, MOST))
