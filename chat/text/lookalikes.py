"""Nicknames that pass for others: letters of two scripts in one, twins of a taken one, offices.

Unicode's Technical Standard 39 in small: the letters of Latin, Cyrillic and Greek that have the
same shape. Nothing here concerns accounts that exist already.
"""

import unicodedata

# The form in which nicknames are compared has no case, so letters are twins if either case is.
_CYRILLIC = dict(zip("abcehijkmopstxy", "авсеніјкморѕтху", strict=True))
_GREEK = dict(zip("abehikmnoptxyz", "αβεηικμνορτχυζ", strict=True))
_FROM_CYRILLIC = {twin: latin for latin, twin in _CYRILLIC.items()}
_FROM_GREEK = {twin: latin for latin, twin in _GREEK.items()}
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")
# Who would be taken for the installation, for its staff, or for everybody at once.
_OFFICES = {
    "admin", "administrator", "all", "bot", "channel", "everyone", "here", "moderator", "owner",
    "root", "support", "system", "админ", "администратор", "бот", "владелец", "все", "всем", "всех",
    "здесь", "канал", "модератор", "поддержка", "система",
}  # fmt: skip


def mixes_scripts(key: str) -> bool:
    """Whether letters of Latin, Cyrillic and Greek stand beside each other."""
    names = [unicodedata.name(char, "") for char in key if char.isalpha()]
    return sum(any(name.startswith(script) for name in names) for script in _SCRIPTS) > 1


def is_office(key: str) -> bool:
    """Whether it is what the installation or its staff would be called."""
    return "".join(char for char in key if char.isalnum()) in _OFFICES


def look(key: str) -> str:
    """What nicknames that look the same have in common: the Latin spelling, where every letter has
    one. "сосо" in Cyrillic looks like "coco", "ёжик" like nothing but itself."""
    spellings = (_spelled(key, letters) for letters in (_FROM_CYRILLIC, _FROM_GREEK))
    return next(filter(None, spellings), key)


def twins(key: str) -> list[str]:
    """The nicknames that look like this one in another script: "coco" has one, "ёжик" has none."""
    latin = look(key)
    found = {latin, *(_spelled(latin, letters) for letters in (_CYRILLIC, _GREEK))}
    return sorted(found - {key, ""})


def _spelled(key: str, letters: dict[str, str]) -> str:
    """The key with every letter replaced; empty if one has no twin."""
    spelled = [letters.get(char, "" if char.isalpha() else char) for char in key]
    return "".join(spelled) if all(spelled) else ""
