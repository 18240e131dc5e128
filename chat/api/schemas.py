"""The shapes that go over the wire: what the API reads and what it answers.

Requests are decoded straight into these types, so a value of the wrong type (an object where a
text belongs, say) never reaches a query. Answers are built from them too: a field that is not
here is not shown. The OpenAPI description is made from the same types.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from chat.protocol import HISTORY_PAGE, PLACES_FOUND
from chat.text import integers

Id = Annotated[str, Meta(description="24 hexadecimal digits.")]
Time = Annotated[str, Meta(description="UTC.", extra_json_schema={"format": "date-time"})]
Seq = Annotated[int, Meta(ge=0, le=integers.MOST)]
Kind = Literal["public", "private", "direct", "voice"]
Role = Literal["member", "moderator", "admin", "owner"]
MAX_TEXT = 100_000  # beyond any message; how long one may be is the service's rule and words


# -- answers


class Problem(Struct):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    error: Annotated[str, Meta(description="A stable name, such as not_found or invalid.")]
    field: str | UnsetType = UNSET


class Me(Struct):
    """The caller."""

    id: Id
    nickname: str
    role: Role
    status: str
    locale: Annotated[str, Meta(description='Empty: as the browser asks for, else "en" or "ru".')]
    theme: Literal["system", "light", "dark"]


class User(Struct):
    """A person; online is null while nobody can know."""

    id: Id
    nickname: str
    role: Role
    status: str
    last_active: Time | None
    online: bool | None


class UserPage(Struct):
    """Most recently active first; next is the cursor of the following page."""

    users: list[User]
    next: str | None


class UserIds(Struct):
    """Ids of people."""

    users: list[Id]


class OnlineIds(Struct):
    """Ids of people who are online. If there are more, anybody who is not listed may be one."""

    users: list[Id]
    more: Annotated[int, Meta(ge=0)] = 0


class Channel(Struct):
    """A channel as the caller sees it; title is what to call it, also for a direct one."""

    id: Id
    slug: str
    name: str
    topic: str
    kind: Kind
    member: bool
    unread: Annotated[int, Meta(ge=0, description="Counted up to 100.")]
    last_seq: int
    last_read_seq: int = 0
    title: str = ""
    archived: bool = False
    people: list[Id] | UnsetType = UNSET


class ChannelList(Struct):
    """The channels the caller may see; if there are more, ask for those after the last of these."""

    channels: list[Channel]
    more: bool = False


class NamedPerson(Struct):
    """Somebody to write to."""

    id: Id
    nickname: str
    status: str
    online: bool | None


class Places(Struct):
    """Where one may go; whose names begin with the letters come first."""

    channels: list[Channel]
    users: list[NamedPerson]


class Author(Struct):
    """Who wrote a message. An id of zeros alone is the installation itself, which is no account."""

    id: Id
    nickname: str


class Reaction(Struct):
    """Everybody who reacted to a message with one emoji, in the order in which they did."""

    emoji: str
    count: int
    users: list[Id]


class Message(Struct):
    """One message; rev is the channel's change number of its latest change."""

    id: Id
    seq: int
    rev: int
    channel: Id
    author: Author
    text: str
    html: str
    created_at: Time
    edited_at: Time | None
    deleted: bool
    client_id: str
    reactions: list[Reaction]


class MessagePage(Struct):
    """Messages, oldest first, and whether there are more in the direction asked for.

    Long ones come fewer at a time than ``limit``: go on for as long as there are more.
    """

    messages: list[Message]
    more: bool


class MessagesAround(Struct):
    """Messages round one, oldest first, and whether there are more on either side."""

    messages: list[Message]
    more_before: bool
    more_after: bool


class EmojiCount(Struct):
    """How often an emoji was used."""

    emoji: str
    count: int


class EmojiCounts(Struct):
    """Most used first."""

    emoji: list[EmojiCount]


class Invite(Struct):
    """An invite link."""

    code: str
    url: str
    expires_at: Time | None


class Token(Struct):
    """A bearer token; it is shown this once."""

    id: Id
    name: str
    token: str


# -- requests


class ChannelQuery(Struct):
    """Which of many channels: those that follow the one with this id; the caller's own alone."""

    after: Id | UnsetType = UNSET
    member: bool = False


class UserQuery(Struct):
    """Which page of people."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


class PlaceQuery(Struct):
    """A few letters of a name, and how many of each kind are enough."""

    q: Annotated[str, Meta(max_length=320)] = ""
    limit: Annotated[int, Meta(ge=1, le=50)] = PLACES_FOUND


class MessageQuery(Struct):
    """Which messages; before and after are exclusive, and only one of them makes sense."""

    before: Seq | UnsetType = UNSET
    after: Seq | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=100)] = HISTORY_PAGE


class AroundQuery(Struct):
    """The message to be in the middle."""

    seq: Seq
    limit: Annotated[int, Meta(ge=1, le=100)] = HISTORY_PAGE


class MeChange(Struct):
    """What to change; what is left out stays."""

    status: Annotated[str, Meta(max_length=MAX_TEXT)] | UnsetType = UNSET
    locale: Literal["", "en", "ru"] | UnsetType = UNSET
    theme: Literal["system", "light", "dark"] | UnsetType = UNSET


class NewChannel(Struct):
    """A channel to create; direct ones are opened at /api/directs."""

    name: Annotated[str, Meta(max_length=MAX_TEXT)]
    topic: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    kind: Literal["public", "private", "voice"] = "public"


class ChannelChange(Struct):
    """What to change; what is left out stays."""

    name: Annotated[str, Meta(max_length=MAX_TEXT)] | UnsetType = UNSET
    topic: Annotated[str, Meta(max_length=MAX_TEXT)] | UnsetType = UNSET


class NewDirect(Struct):
    """The others to talk with, one to seven."""

    users: Annotated[list[Id], Meta(min_length=1, max_length=7)]


class NewMessage(Struct):
    """A message; the same client_id again stores nothing and answers what is stored."""

    text: Annotated[str, Meta(max_length=MAX_TEXT)]
    client_id: Annotated[str, Meta(min_length=1, max_length=100)]


class MessageText(Struct):
    """The new text of a message."""

    text: Annotated[str, Meta(max_length=MAX_TEXT)]


class ReadUpTo(Struct):
    """The last message that was read."""

    seq: Seq


class NewInvite(Struct):
    """How long the link is good for."""

    days: Annotated[int, Meta(ge=1, le=365)] = 7


class NewToken(Struct):
    """What the token is for, and the caller's password: a token itself cannot make another."""

    name: Annotated[str, Meta(max_length=MAX_TEXT)]
    password: Annotated[str, Meta(max_length=MAX_TEXT)]
