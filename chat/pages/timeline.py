"""How a page of history reads: day separators, the line above what is new, grouped messages."""

from dataclasses import dataclass
from datetime import timedelta

from chat.i18n import local_time, reader_zone
from chat.protocol import GROUPED_SECONDS

GROUPED_WITHIN = timedelta(seconds=GROUPED_SECONDS)


@dataclass
class TimelineRow:
    """A message and what stands above it."""

    message: dict
    day: str = ""  # ISO date, when the message is the first one of its day on this page
    is_new: bool = False
    continued: bool = False


def first_new(messages: list[dict], last_read_seq: int, reader_id: str) -> int | None:
    """The number of the first message that is news: not one's own, and not deleted."""
    for message in messages:
        own = message["author"]["id"] == reader_id
        if message["seq"] > last_read_seq and not own and not message["deleted"]:
            return int(message["seq"])
    return None


def rows(
    messages: list[dict], new_seq: int | None = None, linked_seq: int | None = None
) -> list[TimelineRow]:
    """Rows oldest first: the line is above ``new_seq``, and who wrote ``linked_seq`` is shown."""
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
