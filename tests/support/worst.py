"""The most expensive texts for a given number of characters."""

from collections.abc import Callable

Maker = Callable[[int], str]


def repeated(unit: str) -> Maker:
    return lambda length: (unit * (length // len(unit) + 1))[:length]


def halves(first: str, second: str) -> Maker:
    return lambda length: repeated(first)(length // 2) + repeated(second)(length - length // 2)


# Marks of two classes, the later class first: putting them in order is what takes time.
MARKS = halves("\u0301", "\u0316")
TEXTS: dict[str, Maker] = {
    "letters": repeated("a"),
    "marks": MARKS,
    "marks on a letter": lambda length: "a" + MARKS(length - 1),
    "mixed marks": repeated("\u0301\u0316\u0323\u0334"),
    "Hangul parts": repeated("\u1100\u1161\u11a8"),
    "long ligatures": repeated("\ufdfa"),
    "joined emoji": repeated("👨\u200d"),
    "flags": repeated("🇩"),
    "direction overrides": repeated("\u202e"),
    "fillers": repeated("\u3164"),
    "spaces": repeated(" "),
    "control characters": repeated("\x01"),
    "zeros": repeated("\x00"),
}
