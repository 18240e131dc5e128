"""The newest messages of a channel as short lines "seq author deleted": enough to count what is
unread, for anybody, without asking MongoDB."""

from bisect import bisect_right
from sys import intern
from typing import NamedTuple

from chat.cache.through import Shape

MOST = 200
EMPTY = "0"


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
    texts = [text for text in lines if text != EMPTY]
    seqs: list[int] = []
    by: dict[str, list[int]] = {}
    first = last = 0
    for text in texts:
        number, author, deleted = text.split()
        last = int(number)
        first = first or last
        if deleted != "1":
            seqs.append(last)
            by.setdefault(intern(author), []).append(last)
    return Tail(texts, first, last, seqs, by)


SHAPE = Shape(
    "messages", "TTL_CHANNELS", ("LRANGE", 0, -1), "RPUSH",
    lambda tail: tail.lines or [EMPTY], of,
)  # fmt: skip


def _after(seqs: list[int], mark: int) -> int:
    return len(seqs) - bisect_right(seqs, mark)
