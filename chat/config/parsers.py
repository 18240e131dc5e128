"""How the text of an environment variable becomes a value: one small parser a kind of setting."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class ConfigError(Exception):
    """A setting cannot be used; the text says which, and what would do."""


class Unusable(ValueError):
    """Its text says what is wrong with a value, without repeating any of it."""


@dataclass(frozen=True)
class Kind:
    """A sort of value: ``parse`` raises ValueError for text that is not one of ``accepted``.
    ``show`` makes of a refused value what a message may repeat."""

    parse: Callable[[str], Any]
    accepted: str
    show: Callable[[str], str] = str


def integer(low: int, high: int) -> Kind:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return Kind(parse, f"a whole number from {low} to {high}")


def choice(*options: str) -> Kind:
    def parse(text: str) -> str:
        if text.lower() not in options:
            raise ValueError(text)
        return text.lower()

    return Kind(parse, " or ".join(options))


def _boolean(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True}
    words |= {"false": False, "0": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError(text)
    return text


def _prefix(text: str) -> str:
    """Braces would be taken for the hash tag of a Cluster, which is ours to choose."""
    if not re.fullmatch(r"[!-z|~]{1,64}", text):
        raise ValueError(text)
    return text


def _rate(text: str) -> str:
    """Flask-Limiter's notation, kept to the part that cannot be misread."""
    if not re.fullmatch(r"[1-9]\d{0,8} ?/ ?(second|minute|hour|day)", text):
        raise ValueError(text)
    return text.replace(" ", "")


def _secret(text: str) -> str:
    if len(text) < SECRET_LENGTH:
        raise ValueError(text)
    return text


SECRET_LENGTH = 16
BOOLEAN = Kind(_boolean, "true or false")
TEXT = Kind(_text, "text on one line")
SECONDS = integer(1, 31_536_000)
PERCENT = integer(0, 100)
PREFIX = Kind(_prefix, "up to 64 ASCII characters without spaces and braces, such as chat:")
RATE = Kind(_rate, "a number per second, minute, hour or day, such as 10/minute")
SECRET = Kind(_secret, f"at least {SECRET_LENGTH} characters nobody can guess")
