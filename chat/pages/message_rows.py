"""The cached pieces of pages: rows of messages, lines of members, lists, links.

The cache key of a piece contains everything that it depends on (for a message its id and rev). So a
piece is never stale: a change gives another key. Processes do not share pieces, and the least
recently used ones are dropped if there are too many.
"""

from datetime import tzinfo
from secrets import token_hex
from typing import Any, NamedTuple

from flask_babel import get_locale
from markupsafe import Markup

from chat.cache.process_copies import Made
from chat.i18n import reader_zone, today
from chat.pages import timeline
from chat.pages.drawn import Drawn, draw
from chat.pages.fragments import Pieces

MOST_BYTES = 12_000_000  # about 3,500 rows, each also in a version with buttons
MOST_CHARACTERS = 2_000_000  # for links
MOST_LISTS, LONGEST_LIST = 240, 150_000  # longer lists are assembled from their rows each time
MOST_MEMBERS = 200  # lines on a page; if there are more members, online people come first
# Placeholders in a row where a button may be hidden; random, so that no user text contains them.
HIDE_EDIT, HIDE_DELETE = (f" hide-{name}-{token_hex(8)}" for name in ("edit", "delete"))
HIDDEN = b" hidden"
BLANK: dict[str, Any] = {
    "seq": "", "text": "", "html": "", "created_at": "", "client_id": "",
    "edited_at": None, "deleted": False, "reactions": [],
}  # fmt: skip
NO_PERSON = {"id": "", "nickname": "", "status": "-"}

# The fields that each template may use. If a template needs another field, add it here.
CHANNEL_LINK = Drawn("layout/_channel_link.html", "view", ("id", "slug", "title", "kind", "unread"))
PERSON_LINK = Drawn("layout/_person_link.html", "person", ("id", "nickname"))
MEMBER_LINE = Drawn("channels/_member.html", "person", ("id", "nickname", "status"))

_rows = Pieces[bytes](MOST_BYTES)
_links = Pieces[str](MOST_CHARACTERS)
_lists: Made[bytes] = Made(MOST_LISTS, lambda piece: len(piece) <= LONGEST_LIST)


def message_list(
    messages: list[dict],
    reader: Any,
    readonly: bool,
    new_seq: int | None = None,
    linked_seq: int | None = None,
) -> bytes:
    """The rows of a page of history, with day separators and the line above new messages.

    ``new_seq`` None: there are no new messages. Readers who see the same share one list: they wrote
    none of the messages and have the same rights, language and time zone.
    """
    if not messages:
        return b""
    wrote = any(message["author"]["id"] == reader.id for message in messages)
    shown = _Shown(reader.id if wrote else "", reader.is_moderator, readonly, _place())
    marked = (new_seq, linked_seq)
    key = (messages[-1]["channel"], messages[0]["seq"], *marked, today(), shown)
    return _lists.get(key, tuple(messages), lambda: _messages(messages, *marked, shown))


def member_list(members: list[dict], known: bool, reader: Any) -> bytes:
    """The lines of a channel's members, at most MOST_MEMBERS.

    ``known``: people who are not online are offline; otherwise their state is unknown.
    """
    if not members:
        return b""
    place, ids = _place()[0], (members[0]["id"], members[-1]["id"], len(members))
    lines = _lists.get((ids, known, place), tuple(members), lambda: _members(members, known, place))
    own = next((person for person in members if person["id"] == reader.id), None)
    if own is None:
        return lines
    # All readers share one list; in it the reader's own line is replaced.
    others = _member_line(own, _state(own, known), False, place)
    return lines.replace(others, _member_line(own, "online", True, place), 1)


def blank_member(locale: str) -> Markup:
    """An empty member line, which the browser fills in for people who join later."""
    key, render = MEMBER_LINE.piece(NO_PERSON, locale, state="offline", is_me=False)
    return Markup(_links.get(key, render))


def members_left_out(members: list[dict]) -> int:
    """The number of members that ``member_list`` leaves out."""
    return max(0, len(members) - MOST_MEMBERS)


def channel_link(view: dict, is_current: bool, locale: str) -> Markup:
    """A channel's line in the sidebar, in the reader's language."""
    key, render = CHANNEL_LINK.piece(view, locale, is_current=is_current)
    return Markup(_links.get(key, render))


def person_link(person: dict, state: str, locale: str) -> Markup:
    """The line of an online person in the sidebar, in the reader's language."""
    key, render = PERSON_LINK.piece(person, locale, state=state)
    return Markup(_links.get(key, render))


def blank_row(reader: Any) -> Markup:
    """An empty message row, which the browser fills in for messages that the reader posts."""
    author = {"id": reader.id, "nickname": reader.nickname}
    message = {"id": "", "rev": "", "author": author, **BLANK}
    values = {"message": message, "hide_edit": "", "hide_delete": ""}
    key = ("blank", reader.id, reader.nickname, _place())
    return Markup(_links.get(key, lambda: draw("messages/_message.html", values)))


class _Shown(NamedTuple):
    """What a row depends on besides the message.

    ``author``: the reader's id if the reader wrote a message of the list, else "". Also rights,
    language and time zone.
    """

    author: str
    is_moderator: bool
    readonly: bool
    place: tuple[str, tzinfo]


def _place() -> tuple[str, tzinfo]:
    """The reader's language and time zone."""
    return str(get_locale()), reader_zone()


def _messages(
    messages: list[dict], new_seq: int | None, linked_seq: int | None, shown: _Shown
) -> bytes:
    parts: list[bytes] = []
    for row in timeline.rows(messages, new_seq, linked_seq):
        parts += (_above(row, shown.place), _message_row(row.message, row.continued, shown))
    return b"".join(parts)


def _above(row: timeline.TimelineRow, place: tuple[str, tzinfo]) -> bytes:
    """The day separator and the line above new messages, if the row has them."""
    if not row.day and not row.is_new:
        return b""
    key = ("above", row.day, row.is_new, today(), place)
    return _rows.get(key, lambda: draw("messages/_above.html", {"row": row}).encode())


def _message_row(message: dict, continued: bool, shown: _Shown) -> bytes:
    """The row of a message for a language and time zone, with the reader's buttons."""
    own = message["author"]["id"] == shown.author
    may_edit = own and not shown.readonly
    may_delete = (own or shown.is_moderator) and not shown.readonly
    row = (message["id"], message["rev"], continued, shown.place)

    def anybodys() -> bytes:
        values = {"message": message, "continued": continued,
                  "hide_edit": Markup(HIDE_EDIT), "hide_delete": Markup(HIDE_DELETE)}  # fmt: skip
        return draw("messages/_message.html", values).encode() + b"\n"

    def readers() -> bytes:
        piece = _rows.get(row, anybodys)
        piece = piece.replace(HIDE_EDIT.encode(), b"" if may_edit else HIDDEN, 1)
        return piece.replace(HIDE_DELETE.encode(), b"" if may_delete else HIDDEN, 1)

    return _rows.get((may_edit, may_delete, *row), readers)


def _members(members: list[dict], known: bool, place: str) -> bytes:
    if len(members) > MOST_MEMBERS:
        members = sorted(members, key=lambda person: not person["online"])[:MOST_MEMBERS]
    lines = (_member_line(person, _state(person, known), False, place) for person in members)
    return b"\n".join(lines)


def _state(person: dict, known: bool) -> str:
    return "online" if person["online"] else "offline" if known else "unknown"


def _member_line(person: dict, state: str, is_me: bool, place: str) -> bytes:
    key, render = MEMBER_LINE.piece(person, place, state=state, is_me=is_me)
    return _rows.get(key, lambda: render().encode())
