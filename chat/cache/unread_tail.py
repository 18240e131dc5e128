"""The newest messages of a channel as short lines: enough to count what is unread, for anybody,
without asking MongoDB. How a line is written and read stands here alone (``TailLine``)."""

from bisect import bisect_right
from collections.abc import Iterable
from sys import intern
from typing import NamedTuple

from chat.cache import shapes
from chat.models.message import in_stream

MOST = shapes.MOST_LINES


class TailLine(NamedTuple):
    """What a tail keeps of one message: in Redis the seq, the author and a number between spaces.

    The number is the sum of 1 (deleted) and 2 (outside the channel's stream). The seq stands first:
    the fence appends a line only behind the one before it (``chat.cache.fence.scripts``). A new
    field is added here, in ``FIELDS`` and in ``decode_line``; nothing else knows the format.
    """

    seq: int
    author: str
    deleted: bool
    in_stream: bool

    @classmethod
    def of(cls, message: dict) -> "TailLine":
        """From a message's plain form."""
        return cls(message["seq"], message["author"]["id"], message["deleted"], in_stream(message))

    @classmethod
    def of_row(cls, row: dict) -> "TailLine":
        """From ``FIELDS`` of a stored message."""
        outside = row.get("thread") is not None
        return cls(row["seq"], str(row["author"]), row["deleted"], not outside)

    def encode(self) -> str:
        """As Redis holds it."""
        return f"{self.seq} {self.author} {self.deleted + 2 * (not self.in_stream)}"


FIELDS = ("seq", "author", "deleted", "thread")  # the stored fields that a line is made from


def decode_line(text: str) -> tuple[int, str, bool, bool]:
    """The fields of a ``TailLine``, as a plain tuple: two hundred are read after each post."""
    seq, author, state = text.split(" ")
    if len(author) != shapes.ID_LENGTH or state not in _STATES:
        raise shapes.Unreadable
    return int(seq), author, *_STATES[state]


_STATES = {"0": (False, True), "1": (True, True), "2": (False, False), "3": (True, False)}


class Tail(NamedTuple):
    """The lines, and what is needed to count in them quickly.

    ``first`` and ``end`` are the seqs of the oldest and the newest line, ``last`` that of the
    newest message in the stream; 0 where there is none. ``seqs`` are those of messages in the
    stream that were not deleted, and ``by`` the same of each author.
    """

    lines: list[str]
    first: int
    end: int
    last: int
    seqs: list[int]
    by: dict[str, list[int]]

    def unread(self, user_id: str, mark: int) -> int:
        """How many of these messages follow the mark and are by others."""
        return _after(self.seqs, mark) - _after(self.by.get(user_id, []), mark)

    def reaches(self, mark: int) -> bool:
        """Whether nothing after the mark is older than these lines, which have no hole."""
        return self.first <= mark + 1

    @property
    def is_outside(self) -> bool:
        """Whether none of these messages is in the stream, so they do not tell where it ends."""
        return not self.last and self.first > 1


def of(lines: list[str]) -> Tail:
    """From lines, oldest first; ValueError for nonsense."""
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
    """From ``FIELDS`` of stored messages, oldest first."""
    return of([TailLine.of_row(row).encode() for row in rows])


def decode(lines: list[str], key: str) -> Tail:
    """From what Redis holds."""
    empty = lines[:1] == [shapes.nothing(key)]
    found = of(lines[1:] if empty else lines)
    count = len(found.lines)
    shapes.must(count == found.end - found.first + 1 if count else empty)
    shapes.must(found.first <= 1 or (count >= MOST and not empty))
    shapes.check_ids(found.by)
    return found


def items(tail: Tail, key: str) -> list[str]:
    """The lines as they are stored."""
    return tail.lines or [shapes.nothing(key)]


def _after(seqs: list[int], mark: int) -> int:
    return len(seqs) - bisect_right(seqs, mark)
