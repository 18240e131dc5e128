"""How far people have read, and what is unread: derived, without asking MongoDB when warm.

Two structures answer for any number of channels in two or three round trips. ``marks`` is one
person's memberships with their ``last_read_seq``. The ``tail`` of a channel holds its newest
messages as short lines "seq author deleted", enough to count up to MOST_UNREAD unread ones.
"""

from collections.abc import Iterable
from typing import Any

from chat import rollout
from chat.cache import fence, keys, through
from chat.cache.through import Part, Shape
from chat.extensions import redis
from chat.models import Membership, Message
from chat.models.membership import MOST_UNREAD

TAIL = 200
SPARE = 20  # lines read beyond those needed, for messages that arrive between two round trips


def _marks(flat: Any) -> dict[str, int]:
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    return {channel_id: int(seq) for channel_id, seq in pairs if channel_id}


MARKS = Shape(
    "channel_users",
    "TTL_CHANNEL_USERS",
    ("HGETALL",),
    "HSET",
    lambda marks: [x for pair in marks.items() for x in pair] or ["", 0],
    _marks,
)
LINES = Shape(
    "messages", "TTL_CHANNELS", ("LRANGE", 0, -1), "RPUSH", lambda lines: lines or ["0"], list
)


def line(message: dict) -> str:
    """A message as the tail keeps it."""
    return f"{message['seq']} {message['author']['id']} {int(message['deleted'])}"


def posted(write: fence.Write, message: dict) -> tuple[fence.Write, fence.Ending]:
    """Add a stored message behind its predecessor (R10)."""
    return write, fence.append(message["seq"], line(message), TAIL)


def get_marks(user_id: str) -> dict[str, int]:
    """The channels that somebody belongs to, with the last seq that they have read in each."""
    return through.get(keys.marks(user_id), MARKS, lambda: Membership.marks_of(user_id))


def get_reading(user_id: str, channel_id: str | None = None) -> dict[str, dict]:
    """Per channel of a person: {last_read_seq, last_seq, unread}; one channel, or all of theirs.

    ``unread`` leaves out deleted messages and the person's own, and stops at MOST_UNREAD.
    """
    if not redis.is_up() or not rollout.for_reader("messages"):
        through.note("bypass" if redis.is_up() or not redis.enabled else "down")
        return Membership.reading_of(user_id, channel_id)
    marks = get_marks(user_id)
    if channel_id is not None:
        marks = {channel_id: marks[channel_id]} if channel_id in marks else {}
    seqs = last_seqs(marks)
    behind = [cid for cid, mark in marks.items() if seqs[cid] > mark]
    unread = _unread(user_id, {cid: (marks[cid], seqs[cid]) for cid in behind})
    return {
        cid: {"last_read_seq": mark, "last_seq": seqs[cid], "unread": unread.get(cid, 0)}
        for cid, mark in marks.items()
    }


def last_seqs(channel_ids: Iterable[str]) -> dict[str, int]:
    """The seq of the newest message of each channel; 0 where nothing was said yet."""
    lines = _tails(dict.fromkeys(channel_ids, 1))
    return {cid: _seq(found[-1]) if found else 0 for cid, found in lines.items()}


def last_seq(channel_id: str) -> int:
    """The same for one channel."""
    return last_seqs([channel_id])[channel_id]


def _unread(user_id: str, behind: dict[str, tuple[int, int]]) -> dict[str, int]:
    """How many messages of others follow the mark, by channel → (mark, last seq)."""
    wanted = {cid: min(last - mark + SPARE, TAIL) for cid, (mark, last) in behind.items()}
    counts = {}
    for cid, lines in _tails(wanted).items():
        mark = behind[cid][0]
        others = (text.split() for text in lines if _seq(text) > mark)
        count = sum(author != user_id and deleted == "0" for _, author, deleted in others)
        if count < MOST_UNREAD and lines and _seq(lines[0]) > mark + 1:
            # More was said than the tail remembers, much of it one's own or deleted.
            count = Membership.reading_of(user_id, cid).get(cid, {}).get("unread", 0)
        counts[cid] = min(count, MOST_UNREAD)
    return counts


def _tails(wanted: dict[str, int]) -> dict[str, list[str]]:
    """The last so many lines of each channel, oldest first."""
    if not wanted:
        return {}
    if not redis.enabled or not rollout.for_reader("messages"):
        through.note("bypass")
        return {cid: Message.tail(cid, most) for cid, most in wanted.items()}
    names = [keys.tail(cid) for cid in wanted]
    readings = fence.read_many(names, "LRANGE", [(-most, -1) for most in wanted.values()])
    through.note("hit" if all(reading.hit for reading in readings) else "miss")
    found = {}
    for (cid, most), reading in zip(wanted.items(), readings, strict=True):
        lines = reading.value if reading.hit else _load(cid, most)
        found[cid] = [text for text in lines if text != "0"]
    return found


def _load(channel_id: str, most: int) -> list[str]:
    part = Part(LINES.read, list, lambda lines: lines)
    key = keys.tail(channel_id)
    return through.ask(key, LINES, lambda: Message.tail(channel_id, TAIL), part)[-most:]


def _seq(text: str) -> int:
    return int(text.partition(" ")[0])
