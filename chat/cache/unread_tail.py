"""The tail of a channel: its newest messages as short lines.

The tail is enough to count the unread messages of any person without MongoDB. Only this module
knows the format of a line (``TailLine``).
"""

from bisect import bisect_right
from collections.abc import Iterable
from sys import intern
from typing import NamedTuple

from chat.cache import shapes
from chat.models.message import in_stream

MOST = shapes.MOST_LINES


class TailLine(NamedTuple):
    """One message in a tail. In Redis: seq, author and a number, separated by spaces.

    The number is the sum of 1 (deleted) and 2 (outside the channel's stream). The seq must be
    first: the fence appends a line only if its seq follows the last one
    (``chat.cache.fence.scripts``). To add a field, change this class, ``FIELDS`` and
    ``decode_line``; nothing else knows the format.
    """

    seq: int
    author: str
    deleted: bool
    in_stream: bool

    @classmethod
    def of(cls, message: dict) -> "TailLine":
        """From the plain form of a message (``Message.to_message``)."""
        return cls(message["seq"], message["author"]["id"], message["deleted"], in_stream(message))

    @classmethod
    def of_row(cls, row: dict) -> "TailLine":
        """From a MongoDB row with at least ``FIELDS``."""
        outside = row.get("thread") is not None
        return cls(row["seq"], str(row["author"]), row["deleted"], not outside)

    def encode(self) -> str:
        """The line as stored in Redis."""
        return f"{self.seq} {self.author} {self.deleted + 2 * (not self.in_stream)}"


FIELDS = ("seq", "author", "deleted", "thread")  # the MongoDB fields that a line is made from


def decode_line(text: str) -> tuple[int, str, bool, bool]:
    """The fields of a ``TailLine``; a plain tuple is faster, and each post decodes 200 lines."""
    seq, author, state = text.split(" ")
    if len(author) != shapes.ID_LENGTH or state not in _STATES:
        raise shapes.Unreadable
    return int(seq), author, *_STATES[state]


_STATES = {"0": (False, True), "1": (True, True), "2": (False, False), "3": (True, False)}


class Tail(NamedTuple):
    """The lines of a tail, and indexes to count in them quickly.

    ``first`` and ``end`` are the seqs of the oldest and the newest line. ``last`` is the seq of the
    newest message in the stream. Each is 0 if there is none. ``seqs`` are the seqs of messages in
    the stream that are not deleted; ``by`` has the same for each author.
    """

    lines: list[str]
    first: int
    end: int
    last: int
    seqs: list[int]
    by: dict[str, list[int]]

    def unread(self, user_id: str, mark: int) -> int:
        """The number of messages after the mark that other people wrote."""
        return _after(self.seqs, mark) - _after(self.by.get(user_id, []), mark)

    def reaches(self, mark: int) -> bool:
        """Whether the tail contains all messages after the mark. Its lines have no gaps."""
        return self.first <= mark + 1

    @property
    def is_outside(self) -> bool:
        """Whether no message of the tail is in the stream; then ``last`` is unknown."""
        return not self.last and self.first > 1


def of(lines: list[str]) -> Tail:
    """A tail from lines, oldest first. Raises ValueError if a line is invalid."""
    seqs: list[int] = []
    by: dict[str, list[int]] = {}
    first = end = last = 0
    for seq, author, deleted, is_shown in map(decode_line, lines):
        if seq <= end:
            raise shapes.Unreadable
        first, end = first or seq, seq
        if is_shown:
            last = seq
            if not deleted:
                seqs.append(seq)
                by.setdefault(intern(author), []).append(seq)
    return Tail(lines, first, end, last, seqs, by)


def of_rows(rows: Iterable[dict]) -> Tail:
    """A tail from MongoDB rows with at least ``FIELDS``, oldest first."""
    return of([TailLine.of_row(row).encode() for row in rows])


def decode(lines: list[str], key: str) -> Tail:
    """A tail from the list in Redis. Raises ValueError if we did not write it."""
    empty = lines[:1] == [shapes.nothing(key)]
    found = of(lines[1:] if empty else lines)
    count = len(found.lines)
    shapes.must(count == found.end - found.first + 1 if count else empty)
    shapes.must(found.first <= 1 or (count >= MOST and not empty))
    shapes.check_ids(found.by)
    return found


def items(tail: Tail, key: str) -> list[str]:
    """The elements of the list in Redis."""
    return tail.lines or [shapes.nothing(key)]


def _after(seqs: list[int], mark: int) -> int:
    return len(seqs) - bisect_right(seqs, mark)
