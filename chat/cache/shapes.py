"""The valid content of each structure in Redis, and its decoders. Other content is unreadable.

Another program or a person may have written to our keys, and well-formed JSON does not prove that
a value is ours. So each structure has one decoder. A decoder is called with the answer of Redis
and the key, and raises one of ``UNREADABLE`` for anything that our processes do not write. The
value is then deleted and read from MongoDB.
"""

from binascii import unhexlify
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec

from chat.models.channel import KINDS
from chat.models.user import ROLES
from chat.text import markdown

# The errors that decoders raise for invalid values; the errors of msgspec are ValueErrors.
UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
ID_LENGTH = 24
MOST_MESSAGES, MOST_LINES = 50, 200  # kept for one channel
GREATEST = 2**53  # Lua and browsers cannot represent all greater integers
FIRST_CHANGE = 10**15  # microseconds since 1970: a moment in 2001
LAST_MS = 253_402_300_799_000  # the end of the year 9999, the last one of ``datetime``

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
    """The author inside a ``CachedMessage``."""

    id: Id
    nickname: str


class CachedReaction(TypedDict):
    """The people who reacted to a message with one emoji (``chat.models.reaction``)."""

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
    """The data of a session (R1). The session of an anonymous visitor has only ``csrfToken``."""

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
    """The value was not written by one of our processes."""


def must(holds: object) -> None:
    """Raise Unreadable unless ``holds`` is true."""
    if not holds:
        raise Unreadable


def nothing(key: str) -> str:
    """The marker for "does not exist" or "empty", stored instead of a value or an element.

    It contains the key, so that no foreign value equals it by accident. It begins with 0, a seq
    that no message has: so ``fence.scripts.END_APPEND`` accepts the first message of a channel.
    """
    return f"0 {key}"


def owner(key: str) -> str:
    """The id at the end of a key, for example of the person or the channel."""
    return key[-ID_LENGTH:]


def number(text: str) -> int:
    """A number in canonical form: no sign, no spaces, at most GREATEST."""
    must(text.isascii() and text.isdecimal())
    found = int(text)
    must(found <= GREATEST)
    return found


def change(text: str) -> int:
    """The sequence number of a presence change; it started at the clock's microseconds, or is 0."""
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
    """The data of a session. It may have more fields than ``CachedSession``."""
    found = _object(text)
    known = msgspec.convert(found, CachedSession)
    must("csrfToken" in known and ("userId" not in known or len(known) == len(_PERSONAL)))
    return found


_PERSONAL = CachedSession.__annotations__


# -- collections -----------------------------------------------------------------------------------


def ids(members: Iterable[str], key: str) -> frozenset[str]:
    """A set of ids, of people or channels."""
    found = frozenset(members) - {nothing(key)}
    check_ids(found)
    return found


def check_ids(found: Iterable[str]) -> None:
    """Raise unless all are ids. Fast for thousands of ids."""
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
    """The last seq that a person has read, by channel id."""
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
    """The newest messages of a channel's stream, oldest first. Their seqs may have gaps."""
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
    """(id, last activity in ms) in the order of the answer, without the marker."""
    marker = nothing(key)
    pairs = zip(flat[::2], flat[1::2], strict=True)
    found = [(user_id, millis(score)) for user_id, score in pairs if user_id != marker]
    check_ids([user_id for user_id, _ in found])
    return found


def millis(score: str | float) -> int:
    """A score of the list of people as an integer: ms since 1970."""
    found = float(score)
    must(0 < found <= LAST_MS)
    return int(found)


Decoder = Callable[[Any, str], Any]
