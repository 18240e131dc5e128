"""How the text of an environment variable becomes a value: one small parser a kind of setting."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True)
class Kind:
    """A sort of value: ``parse`` raises ValueError for text that is not one of ``accepted``."""

    parse: Callable[[str], Any]
    accepted: str


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


def url(*schemes: str, example: str) -> Kind:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        has_place = parts.path if parts.scheme == "unix" else parts.netloc
        if parts.scheme not in schemes or not has_place:
            raise ValueError(text)
        if "," not in parts.netloc:
            _ = parts.port  # a port that is no number raises here
        return text

    return Kind(parse, f"an address such as {example}")


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


def _hosts(text: str) -> str:
    for item in text.split(","):
        host, _, port = item.strip().rpartition(":")
        if not host or not re.fullmatch(r"\d{1,5}", port) or not 0 < int(port) < 65536:
            raise ValueError(text)
    return text


def _sentinel(text: str) -> str:
    name, _, hosts = text.partition(",")
    if not name.strip() or ":" in name:
        raise ValueError(text)
    _hosts(hosts)
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
HOSTS = Kind(_hosts, "host:port,host:port,…")
SENTINEL = Kind(_sentinel, "master-name,host:port,host:port,…")
PREFIX = Kind(_prefix, "up to 64 ASCII characters without spaces and braces, such as chat:")
RATE = Kind(_rate, "a number per second, minute, hour or day, such as 10/minute")
SECRET = Kind(_secret, f"at least {SECRET_LENGTH} characters nobody can guess")


def without_password(text: str) -> str:
    """The address with its password hidden, fit for a message or a log."""
    try:
        parts = urlsplit(text)
        credentials, at, place = parts.netloc.rpartition("@")
    except ValueError:
        return "(hidden)"
    if not at:
        return text
    user = credentials.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}:***@{place}"))
