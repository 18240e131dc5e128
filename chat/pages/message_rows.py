"""The cached pieces of pages: rows of messages, lines of members, lists, links.

The cache key of a piece contains everything that it depends on (for a message its id and rev). So a
piece is never stale: a change gives another key. Processes do not share pieces, and the least
recently used ones are dropped if there are too many.
"""

from datetime import tzinfo
from typing import Any

from flask_babel import get_locale
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from chat.cache.process_copies import Made
from chat.i18n import reader_zone, today
from chat.pages import timeline
from chat.pages.drawn import Drawn, draw
from chat.pages.fragments import Pieces

MOST_BYTES = 6_000_000  # about 6,000 rows
MOST_CHARACTERS = 2_000_000  # for links
MOST_LISTS, LONGEST_LIST = 240, 150_000  # longer lists are assembled from their rows each time
MOST_MEMBERS = 200  # named on a page; if there are more members, online people come first
MEMBER_LINES = 20  # of these have a line in the page; the browser makes the others from data
# Has each part that a message may have. The browser takes out what one of its own has not.
BLANK: dict[str, Any] = {
    "id": "", "seq": "", "rev": "", "text": "", "html": "", "created_at": "",
    "edited_at": True, "deleted": False, "reactions": [{"emoji": "", "count": ""}],
    "author": {"id": "", "nickname": ""},
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
    messages: list[dict], new_seq: int | None = None, linked_seq: int | None = None
) -> bytes:
    """The rows of a page of history, with day separators and the line above new messages.

    ``new_seq`` None: there are no new messages. Readers of one language and time zone share a list.
    """
    if not messages:
        return b""
    marked, place = (new_seq, linked_seq), _place()
    key = (messages[-1]["channel"], messages[0]["seq"], *marked, today(), place)
    return _lists.get(key, tuple(messages), lambda: _messages(messages, *marked, place))


def member_list(members: list[dict], known: bool, reader: Any, most: int) -> bytes:
    """The lines of a channel's members, at most ``most``.

    ``known``: people who are not online are offline; otherwise their state is unknown.
    """
    if not members:
        return b""
    place, ids = _place()[0], (members[0]["id"], members[-1]["id"], len(members))
    lines = _lists.get(
        (ids, known, place, most), tuple(members), lambda: _members(members, known, place, most)
    )
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


def members_without_line(members: list[dict], most: int) -> int:
    """The number of members that ``member_list`` leaves out."""
    return max(0, len(members) - min(most, MOST_MEMBERS))


def member_data(members: list[dict], most: int) -> bytes:
    """The members without a line, as JSON for an attribute in single quotes."""
    if len(members) <= most:
        return b"[]"
    key = ("data", members[0]["id"], members[-1]["id"], len(members), most)
    return _lists.get(key, tuple(members), lambda: _data(_named(members)[most:]))


def _data(people: list[dict]) -> bytes:
    names = [[each["id"], each["nickname"], each["status"], int(each["online"])] for each in people]
    return htmlsafe_json_dumps(names, ensure_ascii=False, separators=(",", ":")).encode()


def members_left_out(members: list[dict]) -> int:
    """The number of members whom a page does not name."""
    return max(0, len(members) - MOST_MEMBERS)


def channel_link(view: dict, is_current: bool, locale: str) -> Markup:
    """A channel's line in the sidebar, in the reader's language."""
    key, render = CHANNEL_LINK.piece(view, locale, is_current=is_current)
    return Markup(_links.get(key, render))


def person_link(person: dict, state: str, locale: str) -> Markup:
    """The line of an online person in the sidebar, in the reader's language."""
    key, render = PERSON_LINK.piece(person, locale, state=state)
    return Markup(_links.get(key, render))


def blank_row() -> Markup:
    """A row without a message, from which the browser makes the rows of those it is sent."""
    key = ("blank", _place())
    return Markup(_links.get(key, lambda: draw("messages/_message.html", {"message": BLANK})))


def _place() -> tuple[str, tzinfo]:
    """The reader's language and time zone."""
    return str(get_locale()), reader_zone()


def _messages(
    messages: list[dict], new_seq: int | None, linked_seq: int | None, place: tuple[str, tzinfo]
) -> bytes:
    parts: list[bytes] = []
    for row in timeline.rows(messages, new_seq, linked_seq):
        parts += (_above(row, place), _message_row(row.message, row.continued, place))
    return b"".join(parts)


def _above(row: timeline.TimelineRow, place: tuple[str, tzinfo]) -> bytes:
    """The day separator and the line above new messages, if the row has them."""
    if not row.day and not row.is_new:
        return b""
    key = ("above", row.day, row.is_new, today(), place)
    return _rows.get(key, lambda: draw("messages/_above.html", {"row": row}).encode())


def _message_row(message: dict, continued: bool, place: tuple[str, tzinfo]) -> bytes:
    """The row of a message for a language and time zone."""
    values = {"message": message, "continued": continued}
    return _rows.get(
        (message["id"], message["rev"], continued, place),
        lambda: draw("messages/_message.html", values).encode() + b"\n",
    )


def _named(members: list[dict]) -> list[dict]:
    if len(members) > MOST_MEMBERS:
        return sorted(members, key=lambda person: not person["online"])[:MOST_MEMBERS]
    return members


def _members(members: list[dict], known: bool, place: str, most: int) -> bytes:
    shown = _named(members)[:most]
    lines = (_member_line(person, _state(person, known), False, place) for person in shown)
    return b"\n".join(lines)


def _state(person: dict, known: bool) -> str:
    return "online" if person["online"] else "offline" if known else "unknown"


def _member_line(person: dict, state: str, is_me: bool, place: str) -> bytes:
    key, render = MEMBER_LINE.piece(person, place, state=state, is_me=is_me)
    return _rows.get(key, lambda: render().encode())
