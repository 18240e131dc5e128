"""What may be in each structure. Whatever else is found there is unreadable.

Another program may have written it, or somebody by hand: well-formed JSON is no sign that a value
is ours. So each structure has one decoder, declared with it in ``chat.redis_schema.keys``. It gets
what Redis sent and the key, and raises one of ``UNREADABLE`` for anything that none of us wrote.
The value is then deleted and read anew from MongoDB.
"""

from binascii import unhexlify
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec

from chat.models.channel import KINDS
from chat.models.user import ROLES
from chat.text import markdown

# What decoding nonsense raises: msgspec's errors are ValueErrors.
UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
ID_LENGTH = 24
MOST_MESSAGES, MOST_LINES = 50, 200  # kept of one channel
GREATEST = 2**53  # with greater numbers Lua and browsers reckon no longer exactly
FIRST_CHANGE = 10**15  # microseconds: a moment in 2001
LAST_MS = 253_402_300_799_000  # the end of the last year that a date can show

Id = Annotated[str, msgspec.Meta(min_length=ID_LENGTH, max_length=ID_LENGTH)]
Moment = Annotated[str, msgspec.Meta(pattern=r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")]
Number = Annotated[int, msgspec.Meta(ge=0, le=GREATEST)]


class Profile(TypedDict):
    """One person (``User.to_profile``)."""

    id: Id
    nickname: str
    role: Literal[ROLES]  # type: ignore[valid-type]
    status: str
    locale: str
    theme: str
    active: bool
    auth_gen: Number
    created_at: Moment


class CachedChannel(TypedDict):
    """One channel (``Channel.to_channel``)."""

    id: Id
    slug: str
    former_slugs: list[str]
    name: str
    topic: str
    kind: Literal[KINDS]  # type: ignore[valid-type]
    archived: bool
    created_by: Id
    people: NotRequired[list[Id]]


class CachedAuthor(TypedDict):
    """Who wrote a message."""

    id: Id
    nickname: str


class CachedReaction(TypedDict):
    """Who reacted to a message with one emoji (``chat.models.reaction``)."""

    emoji: str
    count: Number
    users: list[Id]


class CachedMessage(TypedDict):
    """One message (``Message.to_message``)."""

    seq: Number
    id: Id
    rev: Number
    channel: Id
    author: CachedAuthor
    text: str
    html: str
    created_at: Moment
    edited_at: Moment | None
    deleted: bool
    client_id: str
    reactions: list[CachedReaction]


class CachedSite(TypedDict):
    """The installation."""

    name: str
    open_registration: bool


class CachedSession(TypedDict, total=False):
    """What a session knows of a person (R1); a visitor's has a token alone."""

    userId: Id
    nickname: str
    role: str
    auth_gen: Number
    csrfToken: str


_profile = msgspec.json.Decoder(Profile).decode
_channel = msgspec.json.Decoder(CachedChannel).decode
_message = msgspec.json.Decoder(CachedMessage).decode
_site = msgspec.json.Decoder(CachedSite).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode


class Unreadable(ValueError):
    """It is not what any of us wrote."""


def must(holds: object) -> None:
    """Refuse what is not so."""
    if not holds:
        raise Unreadable


def nothing(key: str) -> str:
    """What stands for "there is nothing" at a key, where a value or an element would be.

    It names the key, so that no accident looks like it. It begins as the seq of no message does,
    which is how a post finds out that it is the first (``fence_scripts.END_APPEND``).
    """
    return f"0 {key}"


def owner(key: str) -> str:
    """Whose a key of a family is: the id at its end."""
    return key[-ID_LENGTH:]


def number(text: str) -> int:
    """A number as Redis and we write it: no sign, no spaces, not too great."""
    must(text.isascii() and text.isdecimal())
    found = int(text)
    must(found <= GREATEST)
    return found


def change(text: str) -> int:
    """The number of a change of presence, which began with a clock's microseconds; 0 before any."""
    found = number(text)
    must(found == 0 or found >= FIRST_CHANGE)
    return found


# -- a JSON text -----------------------------------------------------------------------------------


def profile(text: str, key: str) -> dict | None:
    """One person, or None."""
    if text == nothing(key):
        return None
    found = _profile(text)
    must(found["id"] == owner(key))
    return found  # type: ignore[return-value]


def direct(text: str, key: str) -> dict | None:
    """One direct channel, or None."""
    if text == nothing(key):
        return None
    found = _channel(text)
    must(found["id"] == owner(key) and found["kind"] == "direct" and "people" in found)
    return found  # type: ignore[return-value]


def site(text: str, key: str) -> dict | None:
    """The installation, or None before set-up."""
    return None if text == nothing(key) else _site(text)  # type: ignore[return-value]


def session(text: str | bytes, key: str = "") -> dict:
    """A session's data. It may hold more than a ``Session`` says."""
    found = _object(text)
    known = msgspec.convert(found, CachedSession)
    must("csrfToken" in known and ("userId" not in known or len(known) == len(_PERSONAL)))
    return found


_PERSONAL = CachedSession.__annotations__


# -- collections -----------------------------------------------------------------------------------


def ids(members: Iterable[str], key: str) -> frozenset[str]:
    """People or channels by id."""
    found = frozenset(members) - {nothing(key)}
    check_ids(found)
    return found


def check_ids(found: Iterable[str]) -> None:
    """Refuse what is no id, quickly for thousands."""
    must(set(map(len, found)) <= {ID_LENGTH})
    unhexlify("".join(found))


def channels(flat: Any, key: str) -> dict[str, dict]:
    """Named channels by id."""
    found = {}
    for channel_id, text in _pairs(flat, key):
        channel = _channel(text)
        must(channel["id"] == channel_id and channel["kind"] != "direct")
        found[channel_id] = channel
    return found  # type: ignore[return-value]


def marks(flat: Any, key: str) -> dict[str, int]:
    """How far somebody has read, by channel."""
    found = {channel_id: number(seq) for channel_id, seq in _pairs(flat, key)}
    check_ids(found)
    return found


def emoji(flat: Any, key: str) -> dict[str, int]:
    """How often each emoji was used."""
    found = {sign: number(count) for sign, count in _pairs(flat, key)}
    must(all(map(_is_emoji, found)))
    return found


@lru_cache(maxsize=5_000)
def _is_emoji(text: str) -> bool:
    return markdown.emoji_in(text) == [text]


def _pairs(flat: Any, key: str) -> list[tuple[str, str]]:
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    marker = nothing(key)
    return [pair for pair in pairs if pair[0] != marker]


def messages(texts: Sequence[str], key: str) -> list[dict]:
    """The newest messages of a channel's stream, oldest first. Their numbers may have holes."""
    empty = texts[:1] == [nothing(key)]
    found = [_message(text) for text in (texts[1:] if empty else texts)]
    channel_id, last = owner(key), 0
    for message in found:
        must(message["seq"] > last and message["channel"] == channel_id)
        last = message["seq"]
    must(len(found) <= MOST_MESSAGES and (found or empty))
    must(not (found and empty) or found[0]["seq"] == 1)
    return found  # type: ignore[return-value]


def people(flat: Sequence[str], key: str) -> list[tuple[str, int]]:
    """(id, last activity in ms), as they come; without the marker."""
    marker = nothing(key)
    pairs = zip(flat[::2], flat[1::2], strict=True)
    found = [(user_id, millis(score)) for user_id, score in pairs if user_id != marker]
    check_ids([user_id for user_id, _ in found])
    return found


def millis(score: str | float) -> int:
    """A moment as the list of people keeps it."""
    found = float(score)
    must(0 < found <= LAST_MS)
    return int(found)


Decoder = Callable[[Any, str], Any]
