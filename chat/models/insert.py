"""Posts to one channel that wait for each other are stored together (group commit).

Numbers are given one after the other, so the posts of one process to one channel take turns. Who
has the turn stores all that wait by then: one announcement, one insert with majority and journal
and one end for all of them. Each is acknowledged when all that was stored with it may be seen.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from itertools import zip_longest
from typing import Any

import gevent
from bson import ObjectId
from mongoengine import signals
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError

from chat.models import base
from chat.models.message import TRIES, Message, lock, numbers, to_message

MOST_TOGETHER = 16
_DUPLICATE = 11000

Meanwhile = Callable[[dict], None]
Stored = tuple[dict, bool]


class Post:
    """One message that wants to be stored, and how that ended."""

    def __init__(self, document: Message, meanwhile: Meanwhile | None) -> None:
        self.document = document
        self.plain: dict = {}  # what is inserted, in plain form
        self.stored: Stored | None = None
        self.error: Exception | None = None
        self._meanwhile = meanwhile
        self._context: Context = copy_context()  # of who posts: another may store it

    def ended(self) -> bool:
        return self.stored is not None or self.error is not None

    def row(self) -> dict:
        """What is to be inserted; the first time, what has to be told is prepared meanwhile."""
        row: dict = self.document.to_mongo()
        self.plain = to_message(row)
        prepare, self._meanwhile = self._meanwhile, None
        if prepare:
            gevent.spawn(self._context.run, prepare, self.plain)
        return row


_waiting: defaultdict[ObjectId, deque[Post]] = defaultdict(deque)


def post(
    channel_id: str,
    author_id: str,
    nickname: str,
    text: str,
    html: str,
    client_id: str,
    meanwhile: Meanwhile | None = None,
    thread: str | None = None,
) -> Stored:
    """Store a message once: (message, True), or (the stored one, False) for a known client_id.

    Between processes the unique index decides who has a number, and the loser takes the next.
    ``meanwhile`` may prepare what has to be told, in the time that MongoDB takes; it must not
    tell it, for the message it is given is not stored yet and may never be. With ``thread`` the
    message is outside the channel's stream (``chat.models.message``).
    """
    channel = ObjectId(channel_id)
    said = {"author": author_id, "author_nickname": nickname, "text": text, "html": html}
    said |= {"thread": thread} if thread else {}
    mine = Post(Message(channel=channel, client_id=client_id, **said), meanwhile)
    waiting = _waiting[channel]
    waiting.append(mine)
    try:
        with lock(channel):
            while not mine.ended():
                _store([waiting.popleft() for _ in range(min(MOST_TOGETHER, len(waiting)))])
    finally:
        with suppress(ValueError):  # nobody waits for it any more
            waiting.remove(mine)
    if mine.error:
        raise mine.error
    assert mine.stored
    return mine.stored


def _store(posts: list[Post]) -> None:
    """Store them all; each ends. Where it is unknown whether one was stored the end is told of none
    of them, or caches would be trusted that do not show it; so none of them is acknowledged."""
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
    first = posts[0].document
    seq, rev = numbers(first.channel)
    first.number(seq + 1, rev + 1)  # by this the table of signals tells a post from an edit
    signals.pre_save.send(Message, document=first)  # once, however many and however often tried
    ended = _insert_all(posts)
    first.together = [message for message, is_new in ended if is_new]
    if first.together:
        signals.post_save.send(Message, document=first, created=True)
    else:
        base.write_refused.send(Message, document=first)
    return ended


def _insert_all(posts: list[Post]) -> list[Stored]:
    """Until each is stored or was before; less than all if others were always faster."""
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
    """How many are stored, in their order, and what MongoDB said of the next one.

    Raises whatever leaves unknown what is stored.
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
    """Whether not a number was refused but the author's own id for the message."""
    return "client_id" in refusal.get("keyPattern", {"client_id": 1})
