"""The newest messages of a channel as short lines: enough to count what is unread, for anybody,
without asking MongoDB. How a line is written and read stands here alone (``TailLine``)."""

from bisect import bisect_right
from collections.abc import Iterable
from sys import intern
from typing import NamedTuple

from chat.cache import shapes

MOST = shapes.MOST_LINES


class TailLine(NamedTuple):
    """What a tail keeps of one message: in Redis the ``FIELDS``, with spaces between them.

    The seq stands first: the fence appends a line only behind the one before it
    (``chat.cache.fence.scripts``). A new field is added here, in ``FIELDS`` and in ``decode_line``;
    nothing else knows the format.
    """

    seq: int
    author: str
    deleted: bool

    @classmethod
    def of(cls, message: dict) -> "TailLine":
        """From a message's plain form."""
        return cls(message["seq"], message["author"]["id"], message["deleted"])

    @classmethod
    def of_row(cls, row: dict) -> "TailLine":
        """From ``FIELDS`` of a stored message."""
        return cls(row["seq"], str(row["author"]), row["deleted"])

    def encode(self) -> str:
        """As Redis holds it."""
        return f"{self.seq} {self.author} {self.deleted:d}"


FIELDS = ("seq", "author", "deleted")  # the stored fields that a line is made from


def decode_line(text: str) -> tuple[int, str, bool]:
    """The fields of a ``TailLine``, as a plain tuple: two hundred are read after each post."""
    seq, author, deleted = text.split(" ")
    if len(author) != shapes.ID_LENGTH or (deleted != "0" and deleted != "1"):
        raise shapes.Unreadable
    return int(seq), author, deleted == "1"


class Tail(NamedTuple):
    """The lines, and what is needed to count in them quickly.

    ``first`` and ``last`` are the seqs of the oldest and the newest line, 0 where there is none.
    ``seqs`` are those of messages that were not deleted, and ``by`` the same of each author.
    """

    lines: list[str]
    first: int
    last: int
    seqs: list[int]
    by: dict[str, list[int]]

    def unread(self, user_id: str, mark: int) -> int:
        """How many of these messages follow the mark and are by others."""
        return _after(self.seqs, mark) - _after(self.by.get(user_id, []), mark)

    def reaches(self, mark: int) -> bool:
        """Whether nothing after the mark is older than these lines."""
        return self.first <= mark + 1


def of(lines: list[str]) -> Tail:
    """From lines, oldest first; ValueError for nonsense."""
    seqs: list[int] = []
    by: dict[str, list[int]] = {}
    first = last = 0
    for seq, author, deleted in map(decode_line, lines):
        if seq <= last:
            raise shapes.Unreadable
        first, last = first or seq, seq
        if not deleted:
            seqs.append(seq)
            by.setdefault(intern(author), []).append(seq)
    return Tail(lines, first, last, seqs, by)


def of_rows(rows: Iterable[dict]) -> Tail:
    """From ``FIELDS`` of stored messages, oldest first."""
    return of([TailLine.of_row(row).encode() for row in rows])


def decode(lines: list[str], key: str) -> Tail:
    """From what Redis holds."""
    empty = lines[:1] == [shapes.nothing(key)]
    found = of(lines[1:] if empty else lines)
    shapes.check_numbers(found.first, found.last, len(found.lines), empty, MOST)
    shapes.check_ids(found.by)
    return found


def items(tail: Tail, key: str) -> list[str]:
    """The lines as they are stored."""
    return tail.lines or [shapes.nothing(key)]


def _after(seqs: list[int], mark: int) -> int:
    return len(seqs) - bisect_right(seqs, mark)
