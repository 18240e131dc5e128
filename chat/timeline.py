"""How a page of history reads: day separators, the line above what is new, grouped messages."""

from dataclasses import dataclass
from datetime import timedelta

from chat.i18n import local_time, reader_zone

GROUPED_WITHIN = timedelta(minutes=5)


@dataclass
class Row:
    """A message and what stands above it."""

    message: dict
    day: str = ""  # ISO date, when the message is the first one of its day on this page
    is_new: bool = False
    continued: bool = False


def rows(messages: list[dict], last_read_seq: int | None, reader_id: str) -> list[Row]:
    """Rows oldest first. `last_read_seq` None (not a member): nothing is new."""
    result: list[Row] = []
    zone = reader_zone()
    previous, previous_at = None, None
    line_drawn = last_read_seq is None
    for message in messages:
        at = local_time(message["created_at"], zone)
        row = Row(message)
        if previous_at is None or at.date() != previous_at.date():
            row.day = at.date().isoformat()
        if not line_drawn and message["seq"] > (last_read_seq or 0):
            # One's own message is never news, but what comes after it may be.
            row.is_new = line_drawn = message["author"]["id"] != reader_id
        row.continued = (
            previous is not None
            and previous_at is not None
            and not row.day
            and not row.is_new
            and previous["author"]["id"] == message["author"]["id"]
            and at - previous_at <= GROUPED_WITHIN
        )
        result.append(row)
        previous, previous_at = message, at
    return result
