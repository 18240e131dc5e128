"""Where the reader of a page of history stopped reading, and what to say when it is further up."""

from typing import NamedTuple

from flask_login import current_user

from chat.i18n import clock, day_and_month, local_time, number, today
from chat.i18n.js_strings import phrase
from chat.pages import timeline
from chat.services import messages


class Skipped(NamedTuple):
    """Unread messages that begin above those on the page."""

    seq: int
    at: str
    total: int
    shown: str

    @property
    def words(self) -> str:
        """How many since when, by the reader's clock as far as it is known here."""
        return phrase("new_since", self.total, count=self.shown, time=_since(self.at))


def where(view: dict, found: list[dict]) -> tuple[int | None, Skipped | None]:
    """(the number of the first unread message, what is said where the page begins after it)."""
    if not view["member"] or not view["unread"] or not found:
        return None, None
    last_read = view["last_read_seq"]
    if found[0]["seq"] <= last_read + 1:
        return timeline.first_new(found, last_read, current_user.id), None
    # Rare enough for a question to MongoDB: more is unread than a page shows, or an old page, or
    # what was said next is outside the stream.
    first, count = messages.first_unread(current_user, view["id"], last_read)
    if first is None:
        return None, None
    return first["seq"], _skipped(first, count) if first["seq"] < found[0]["seq"] else None


def _skipped(first: dict, count: int) -> Skipped:
    most = messages.MOST_COUNTED
    shown = number(count) if count < most else f"{number(most - 1)}+"
    return Skipped(first["seq"], first["created_at"], count, shown)


def _since(at: str) -> str:
    if local_time(at).date() == today():
        return clock(at)
    return phrase("date_at_time", date=day_and_month(at), time=clock(at))
