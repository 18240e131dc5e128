"""The layout of a page of history: day separators, the line above new messages, grouping."""

from dataclasses import dataclass
from datetime import timedelta

from chat.i18n import local_time, reader_zone
from chat.protocol import GROUPED_SECONDS

GROUPED_WITHIN = timedelta(seconds=GROUPED_SECONDS)


@dataclass
class TimelineRow:
    """A message, and what is shown above it.

    ``is_new``: the line above new messages. ``continued``: grouped with the message before.
    """

    message: dict
    day: str = ""  # ISO date, if the message is the first one of its day on this page
    is_new: bool = False
    continued: bool = False


def first_new(messages: list[dict], last_read_seq: int, reader_id: str) -> int | None:
    """The seq of the first unread message that is by another person and not deleted; or None."""
    for message in messages:
        own = message["author"]["id"] == reader_id
        if message["seq"] > last_read_seq and not own and not message["deleted"]:
            return int(message["seq"])
    return None


def rows(
    messages: list[dict], new_seq: int | None = None, linked_seq: int | None = None
) -> list[TimelineRow]:
    """The rows, oldest first.

    The line for new messages is above ``new_seq``. The message ``linked_seq`` is never grouped, so
    that its author is shown.
    """
    result: list[TimelineRow] = []
    zone = reader_zone()
    previous, previous_at = None, None
    for message in messages:
        at = local_time(message["created_at"], zone)
        row = TimelineRow(message, is_new=message["seq"] == new_seq)
        if previous_at is None or at.date() != previous_at.date():
            row.day = at.date().isoformat()
        row.continued = (
            previous is not None
            and previous_at is not None
            and not row.day
            and not row.is_new
            and message["seq"] != linked_seq
            and previous["author"]["id"] == message["author"]["id"]
            and at - previous_at <= GROUPED_WITHIN
        )
        result.append(row)
        previous, previous_at = message, at
    return result
