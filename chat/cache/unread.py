"""Read positions and unread counts, computed from cached values without MongoDB when warm.

Two structures answer for any number of channels in two round trips. ``marks`` holds the
memberships of one person with their ``last_read_seq``. The ``tail`` of a channel holds its newest
messages as short lines, enough to count up to MOST_UNREAD unread ones.
"""

from collections.abc import Iterable
from functools import lru_cache

from chat.cache import read_through, unread_tail
from chat.cache.decoders import decoder
from chat.cache.fence import writes as fence_writes
from chat.cache.fence.writes import Ending, Write
from chat.cache.read_through import Shape, Source
from chat.cache.shapes import nothing
from chat.cache.unread_tail import Tail, TailLine
from chat.models import Membership, Message
from chat.models.membership import MOST_UNREAD
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.telemetry import events as telemetry

MARKS = Shape(
    "channel_users",
    "TTL_CHANNEL_USERS",
    ("HGETALL",),
    "HSET",
    lambda marks, key: [x for pair in marks.items() for x in pair] or [nothing(key), 0],
    decoder("cache:users:marks:*"),
)
TAIL = Shape(
    "messages",
    "TTL_CHANNELS",
    ("LRANGE", 0, -1),
    "RPUSH",
    unread_tail.items,
    decoder("cache:messages:tail:*"),
)


def posted(write: Write, messages: list[dict]) -> tuple[Write, Ending]:
    """How to end a write of posts: append their lines if no earlier line is missing (R10)."""
    return write, fence_writes.append(
        [(m["seq"], TailLine.of(m).encode()) for m in messages], unread_tail.MOST
    )


def get_marks(user_id: str) -> dict[str, int]:
    """The channels of a person by id, each with the last seq that the person has read."""
    return read_through.get(marks_source(user_id))  # type: ignore[no-any-return]


def marks_source(user_id: str) -> Source:
    """One person's memberships."""
    return Source(keys.marks(user_id), MARKS, lambda: Membership.marks_of(user_id))


@lru_cache(maxsize=10_000)
def tail_source(channel_id: str) -> Source:
    """The newest lines of one channel."""
    return Source(
        keys.tail(channel_id),
        TAIL,
        lambda: unread_tail.of_rows(Message.tail(channel_id, unread_tail.MOST, unread_tail.FIELDS)),
    )


def tail_version(channel_id: str) -> str | None:
    """A version that changes with every post and deletion in a channel; None if Redis is down."""
    return read_through.look(tail_source(channel_id)).version


def get_reading(user_id: str, channel_id: str | None = None) -> dict[str, dict]:
    """Per channel of a person: {last_read_seq, last_seq, unread}; one channel, or all of theirs.

    ``unread`` leaves out deleted messages and the person's own, and stops at MOST_UNREAD.
    """
    if not redis.is_up() or not read_through.is_cached("messages"):
        outcome = "bypass" if redis.is_up() or not redis.enabled else "down"
        read_through.note(outcome)
        telemetry.cache(keys.marks(user_id), outcome)
        return Membership.reading_of(user_id, channel_id)
    marks = get_marks(user_id)
    if channel_id is not None:
        marks = {channel_id: marks[channel_id]} if channel_id in marks else {}
    tails = _tails(marks)
    return {cid: _reading(user_id, cid, mark, tails[cid]) for cid, mark in marks.items()}


def get_counts(user_id: str) -> dict[str, int]:
    """The number of unread messages in each channel of a person, as in ``get_reading``."""
    if not redis.is_up() or not read_through.is_cached("messages"):
        return {cid: mine["unread"] for cid, mine in get_reading(user_id).items()}
    marks = get_marks(user_id)
    tails = _tails(marks)
    return {
        cid: _reading(user_id, cid, mark, tails[cid])["unread"]
        if tails[cid].last > mark or tails[cid].is_outside
        else 0
        for cid, mark in marks.items()
    }


def last_seqs(channel_ids: Iterable[str]) -> dict[str, int]:
    """The seq of the newest message in each channel's stream; 0 if there is no message."""
    if not read_through.is_cached("messages"):
        read_through.note("bypass")
        telemetry.cache(keys.tail(""), "bypass")
        return Message.last_seqs(list(channel_ids))
    tails = _tails(channel_ids)
    found = {cid: newest.last for cid, newest in tails.items()}
    outside = [cid for cid, newest in tails.items() if newest.is_outside]
    return found | Message.last_seqs(outside) if outside else found


def last_seq(channel_id: str) -> int:
    """The seq of the newest message in one channel's stream; 0 if there is no message."""
    return last_seqs([channel_id])[channel_id]


def _reading(user_id: str, channel_id: str, mark: int, newest: Tail) -> dict:
    if newest.is_outside:
        last = Message.last_seqs([channel_id])[channel_id]
        newest = newest._replace(last=last)
    unread = _unread(user_id, channel_id, mark, newest) if newest.last > mark else 0
    return {"last_read_seq": mark, "last_seq": newest.last, "unread": unread}


def _unread(user_id: str, channel_id: str, mark: int, newest: Tail) -> int:
    """The number of unread messages after the mark, at most MOST_UNREAD."""
    number = newest.unread(user_id, mark)
    if number < MOST_UNREAD and not newest.reaches(mark):
        # The tail does not reach back to the mark, and too many of its messages do not count
        # (deleted, or by the reader).
        number = Membership.reading_of(user_id, channel_id).get(channel_id, {}).get("unread", 0)
    return min(number, MOST_UNREAD)


def _tails(channel_ids: Iterable[str]) -> dict[str, Tail]:
    """The newest lines of each channel."""
    wanted = list(channel_ids)
    found = read_through.look_all([tail_source(cid) for cid in wanted])
    return {cid: copy.value for cid, copy in zip(wanted, found, strict=True)}
