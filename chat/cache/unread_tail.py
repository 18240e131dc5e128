"""The newest messages of a channel as short lines "seq author deleted": enough to count what is
unread, for anybody, without asking MongoDB."""

from bisect import bisect_right
from sys import intern
from typing import NamedTuple

from chat.redis_schema import shapes

MOST = shapes.MOST_LINES


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


def line(message: dict) -> str:
    """A message as a tail keeps it."""
    return f"{message['seq']} {message['author']['id']} {int(message['deleted'])}"


def of(lines: list[str]) -> Tail:
    """From lines, oldest first; ValueError for nonsense."""
    seqs: list[int] = []
    by: dict[str, list[int]] = {}
    first = last = 0
    for text in lines:
        number, author, deleted = text.split(" ")
        seq = int(number)
        shapes.must(seq > last and len(author) == shapes.ID_LENGTH)
        first, last = first or seq, seq
        if deleted == "0":
            seqs.append(seq)
            by.setdefault(intern(author), []).append(seq)
        else:
            shapes.must(deleted == "1")
    return Tail(lines, first, last, seqs, by)


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
