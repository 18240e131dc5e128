"""What somebody may have meant by a few letters: the same keys on the other keyboard layout too."""

import re

from chat.text import validate

MOST_CHARACTERS = validate.CHANNEL_NAME_CHARACTERS[1]
_LATIN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,."
_CYRILLIC = "ёйцукенгшщзхъфывапролджэячсмитьбю"
_OTHER_LAYOUT = str.maketrans(_LATIN + _CYRILLIC, _CYRILLIC + _LATIN)


def key(name: str) -> str:
    """What names are compared by when they are looked for: as nicknames, and ё is е."""
    return validate.folded_name(name).replace("ё", "е")


def of(typed: str) -> list[str]:
    """The keys of what was typed: as it is, and with the other layout if that differs."""
    # No name has a zero in it, and MongoDB takes no regular expression with one.
    folded = validate.folded_name(typed.replace("\0", "").strip())
    spelled = (key(folded), key(folded.translate(_OTHER_LAYOUT)))
    return [spelling for spelling in dict.fromkeys(spelled) if spelling]


def pattern(spelling: str) -> str:
    """A regular expression that finds the key in a stored nickname, whose ё are still there."""
    return re.escape(spelling).replace("е", "[её]")
