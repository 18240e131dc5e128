"""Stores posts to one channel that wait for each other together (group commit).

Numbers are given one after the other, so the posts of one process to one channel take turns. The
post with the turn stores all posts that wait by then: with one announcement, one insert (majority
and journal) and one end. Each post is acknowledged when all posts of its batch are visible.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

from bson import ObjectId
from mongoengine import signals
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError

from chat.models import base
from chat.models.message import TRIES, Message, lock, numbers, to_message
from chat.request.concurrency import turns

MOST_TOGETHER = 16
_DUPLICATE = 11000

Stored = tuple[dict, bool]


class Post:
    """One message to store, and its result: ``stored`` or ``error``."""

    def __init__(self, document: Message) -> None:
        self.document = document
        self.plain: dict = {}  # the inserted row in plain form
        self.stored: Stored | None = None
        self.error: Exception | None = None

    def is_announced(self) -> bool:
        """Whether the caches were told of this post, and not of its end."""
        return bool(self.document.__dict__.get("_writes"))

    def ended(self) -> bool:
        return self.stored is not None or self.error is not None

    def row(self) -> dict:
        """The row to insert."""
        row: dict = self.document.to_mongo()
        self.plain = to_message(row)
        return row


_waiting: defaultdict[ObjectId, deque[Post]] = defaultdict(deque)


def post(
    channel_id: str,
    author_id: str,
    nickname: str,
    text: str,
    html: str,
    client_id: str,
    thread: str | None = None,
    announced: Sequence[Any] = (),
) -> Stored:
    """Store a message once: (message, True), or (the stored one, False) for a known client_id.

    If two processes try the same number, the unique index decides, and the loser takes the next.
    With ``thread`` the message is outside the channel's stream (``chat.models.message``).
    Whoever waits for the lock of a channel gives the turn back meanwhile: all who wait for it must,
    or those with turns and the one with the lock would wait for each other.
    ``announced``: the write as the caches were told of it already (``chat.cache.announced_early``);
    it is ended here, whatever happens.
    """
    channel = ObjectId(channel_id)
    said = {"author": author_id, "author_nickname": nickname, "text": text, "html": html}
    said |= {"thread": thread} if thread else {}
    mine = Post(Message(channel=channel, client_id=client_id, **said))
    mine.document.__dict__["_writes"] = list(announced)
    waiting = _waiting[channel]
    waiting.append(mine)
    try:
        with turns.alone(lock(channel)):
            while not mine.ended():
                _store([waiting.popleft() for _ in range(min(MOST_TOGETHER, len(waiting)))])
    finally:
        with suppress(ValueError):  # its caller was killed before anybody tried to store it
            waiting.remove(mine)
            base.write_refused.send(Message, document=mine.document)
    if mine.error:
        raise mine.error
    assert mine.stored
    return mine.stored


def _store(posts: list[Post]) -> None:
    """Store a batch; afterwards each post has a result or an error.

    If it is unknown whether one was stored, the write is not ended in the caches for any of them:
    otherwise caches without that post would be trusted. So all posts of the batch get the error.
    """
    try:
        ended = _announced(posts)
    except BaseException as error:
        reason = error if isinstance(error, Exception) else AutoReconnect("the post was cut short")
        for each in posts:
            each.error = reason
        if isinstance(error, Exception):
            return
        raise
    for each, stored in zip_longest(posts, ended):
        each.stored = stored
        each.error = None if stored else RuntimeError("no free number in the channel")


def _announced(posts: list[Post]) -> list[Stored]:
    first = next((each for each in posts if each.is_announced()), posts[0]).document
    seq, rev = numbers(first.channel)
    first.number(seq + 1, rev + 1)  # ``invalidation`` tells a post from a change by its seq
    signals.pre_save.send(Message, document=first)  # once for the whole batch and all attempts
    ended = _insert_all(posts)
    first.together = [message for message, is_new in ended if is_new]
    if first.together:
        signals.post_save.send(Message, document=first, created=True)
    else:
        base.write_refused.send(Message, document=first)
    for each in posts:
        if each.is_announced():  # announced beside the first one
            base.write_refused.send(Message, document=each.document)
    return ended


def _insert_all(posts: list[Post]) -> list[Stored]:
    """Insert until each post is stored or was stored before.

    Returns fewer results than posts if other processes won TRIES times.
    """
    ended: list[Stored] = []
    refusals = 0
    while left := posts[len(ended) :]:
        channel = left[0].document.channel
        seq, rev = numbers(channel)
        for place, each in enumerate(left, 1):
            each.document.number(seq + place, rev + place)
        inserted, refusal = _insert(left)
        ended += [(each.plain, True) for each in left[:inserted]]
        if refusal is None:
            base.NUMBERS.learn(channel, seq + inserted, rev + inserted)
            break
        base.NUMBERS.forget(channel)
        said = left[inserted].document
        known = _is_sent_before(refusal) and Message.find_sent(said.author, said.client_id)
        if known:
            ended.append((known, False))
        elif (refusals := refusals + 1) == TRIES:
            break
    return ended


def _insert(posts: Sequence[Post]) -> tuple[int, dict[str, Any] | None]:
    """(the number of posts stored, in order; MongoDB's refusal of the next one or None).

    Raises any error after which it is unknown what is stored.
    """
    rows = [each.row() for each in posts]
    collection = Message._get_collection()
    try:
        if len(rows) == 1:
            collection.insert_one(rows[0])
        else:
            collection.insert_many(rows)
    except DuplicateKeyError as error:
        return 0, dict(error.details or {})
    except BulkWriteError as error:
        return _refusal(error)
    return len(rows), None


def _refusal(error: BulkWriteError) -> tuple[int, dict[str, Any]]:
    refusal = (error.details or {})["writeErrors"][0]
    if refusal["code"] != _DUPLICATE:
        raise error
    return refusal["index"], refusal


def _is_sent_before(refusal: dict[str, Any]) -> bool:
    """Whether the ``client_id`` was refused (the message was sent before), not a number."""
    return "client_id" in refusal.get("keyPattern", {"client_id": 1})
