"""Rules about the short texts people type: nicknames, names of channels, passwords, slugs."""

import re
import unicodedata
from collections.abc import Sized
from typing import Literal

from flask_babel import lazy_gettext as _l

from chat.errors import Invalid
from chat.protocol import MESSAGE_CHARACTERS
from chat.text import lookalikes

NICKNAME_CHARACTERS = (2, 32)
PASSWORD_CHARACTERS = (10, 1024)
CHANNEL_NAME_CHARACTERS = (1, 80)
TOPIC_CHARACTERS = 250
STATUS_CHARACTERS = 80
MOST_TYPED = 4  # code points that somebody's keyboard may send for one character
# The longest that a name may become on the way: U+FDFA alone stands for 18 characters.
MOST_NORMALIZED = 18 * MOST_TYPED * CHANNEL_NAME_CHARACTERS[1]
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters, marks and signs that are drawn as nothing (Unicode's Default_Ignorable_Code_Point and the
# empty sign of Braille): with them two names would look the same, or a name like no name at all.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_EDGES = "_.-"
_JOINERS = {"\u200d", "\ufe0e", "\ufe0f"}  # parts of emoji


def nickname_key(text: str) -> str:
    """What a nickname is stored, looked up and counted by, however it was typed.

    Width, case and composition do not count. Empty for a text that is too long to be anybody's.
    """
    typed = text.strip()
    return _fold(typed) if _may_be(typed, NICKNAME_CHARACTERS[1]) else ""


def check_nickname(text: str) -> str:
    """Returns the nickname as it will be stored (NFC), or raises Invalid(field=nickname)."""
    low, high = NICKNAME_CHARACTERS
    typed = text.strip()
    nickname = _normalized("NFC", typed) if _may_be(typed, high) else ""
    if not low <= len(nickname) <= high or len(_fold(nickname)) > 2 * high:
        raise Invalid(_l("Nicknames must be 2 to 32 characters long."), field="nickname")
    seen = not _UNSEEN.search(nickname)
    if not seen or not all(ch in "_.-" or _category(ch)[0] in "LNM" for ch in nickname):
        raise Invalid(_l("Nicknames can only contain letters, digits and _ . -"), field="nickname")
    if not any(_category(ch)[0] in "LN" for ch in nickname):
        raise Invalid(_l("A nickname needs at least one letter or digit."), field="nickname")
    if nickname[0] in _EDGES or nickname[-1] in _EDGES:
        raise Invalid(_l("Nicknames must begin and end with a letter or digit."), field="nickname")
    if lookalikes.mixes_scripts(_fold(nickname)):
        raise Invalid(_l("Use letters of one alphabet only in a nickname."), field="nickname")
    return nickname


def check_password(text: str, field: str = "password") -> str:
    """Returns the password unchanged, or raises Invalid(field)."""
    low, high = PASSWORD_CHARACTERS
    if not low <= len(text) <= high:
        raise Invalid(_l("Passwords must be 10 to 1024 characters long."), field=field)
    return text


def password_form(text: str) -> str:
    """The one spelling in which a password is hashed: й may be typed as one character or as two.

    Of a text that is too long to be a password only the beginning.
    """
    return _normalized("NFKC", text[: PASSWORD_CHARACTERS[1]])


def check_line(text: str, limits: tuple[int, int], message: object, field: str) -> str:
    """One line of visible text: trimmed, white space folded; raises Invalid(message, field)."""
    typed = " ".join(text.split())
    if not _may_be(typed, limits[1]):
        raise Invalid(message, field=field)
    line = _normalized("NFC", typed)
    if not limits[0] <= len(line) <= limits[1] or not _is_clear(line):
        raise Invalid(message, field=field)
    return line


def check_channel_name(text: str) -> str:
    """Returns the name, 1 to 80 visible characters, or raises Invalid(field=name)."""
    name = check_line(
        text, CHANNEL_NAME_CHARACTERS, _l("Channel names must be 1 to 80 characters long."), "name"
    )
    if not slugify(name):
        raise Invalid(_l("A channel name needs at least one letter or digit."), field="name")
    return name


def check_topic(text: str) -> str:
    """Returns the topic, at most 250 characters, or raises Invalid(field=topic)."""
    return check_line(
        text, (0, TOPIC_CHARACTERS), _l("A topic can be up to 250 characters long."), "topic"
    )


def check_status(text: str) -> str:
    """Returns a person's status line, at most 80 characters, or raises Invalid(field=status)."""
    return check_line(
        text, (0, STATUS_CHARACTERS), _l("A status can be up to 80 characters long."), "status"
    )


def check_message(text: str, beside: Sized = ()) -> str:
    """Returns the message's text trimmed, or raises Invalid(field=text) with the reason.

    ``beside`` is what else the message holds. The text may be empty where that is something.
    """
    body = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()
    if len(body) > MESSAGE_CHARACTERS:
        raise Invalid(
            _l(
                "A message can be up to 8,000 characters long; this one has %(count)s.",
                count=len(body),
            ),
            field="text",
        )
    require_content(body, beside)
    try:
        body.encode()
    except UnicodeEncodeError:
        raise Invalid(
            _l("The text contains characters that can't be saved."), field="text"
        ) from None
    return body


def require_content(body: str, beside: Sized) -> None:
    """The one rule for what makes a message: something to see, or something beside the text.

    ``hasContent`` in ``static/js/field.js`` is the same rule in the browser.
    """
    if not beside and not is_visible(body):
        raise Invalid(_l("A message can't be empty."), field="text")


def check_client_id(text: str) -> str:
    """Returns the sender's id of a message (8 to 64 of A-Z a-z 0-9 _ -), or raises Invalid."""
    if not CLIENT_ID.match(text):
        raise Invalid(_l("client_id has 8 to 64 of A-Z, a-z, 0-9, _ and -."), field="client_id")
    return text


def slugify(name: str) -> str:
    """The address made from a name; letters of any script stay: "Отпуск 2026" → "отпуск-2026"."""
    folded = _normalized("NFC", _fold(name))
    kept = (ch if unicodedata.category(ch)[0] in "LNM" else "-" for ch in folded)
    return re.sub("-+", "-", "".join(kept)).strip("-")[:80]


def address_of(typed: str) -> str:
    """The slug that an address means, however it is spelled; empty if it is too long to be one."""
    return slugify(typed) if _may_be(typed, CHANNEL_NAME_CHARACTERS[1]) else ""


def folded_name(text: str) -> str:
    """A name, or part of one, in the form in which names are the same; empty if it is too long."""
    return _fold(text) if _may_be(text, CHANNEL_NAME_CHARACTERS[1]) else ""


def _may_be(typed: str, most: int) -> bool:
    """Whether the text may have at most so many characters once it is composed.

    Asked before it is composed, which takes time in proportion to the square of the number of
    marks in a row: minutes for what fits into one request.
    """
    return len(typed) <= MOST_TYPED * most


def _fold(text: str) -> str:
    """The form in which two nicknames are the same: width, case and composition do not count."""
    return _normalized("NFKC", _normalized("NFKC", text).casefold())


def _normalized(form: Literal["NFC", "NFKC"], text: str) -> str:
    """The only call of ``unicodedata.normalize`` in this program: for texts of bounded length."""
    if len(text) > MOST_NORMALIZED:
        raise ValueError("the text's length was not checked")
    return unicodedata.normalize(form, text)


def is_visible(text: str) -> bool:
    """Whether there is anything to see: the one rule for all that people type. A mark needs
    something to stand on."""
    return any(_is_seen(ch) and _category(ch)[0] != "M" for ch in text)


def _is_clear(line: str) -> bool:
    """Whether nothing in a line is hidden, and something is to be seen unless it is empty."""
    hidden = (ch for ch in line if ch != " " and ch not in _JOINERS and not _is_seen(ch))
    return next(hidden, None) is None and (not line or is_visible(line))


def _is_seen(ch: str) -> bool:
    return not ch.isspace() and _category(ch) not in _INVISIBLE and not _UNSEEN.match(ch)


_category = unicodedata.category
