"""The table of which save refreshes which cache (C5).

pre_save and pre_delete raise the fence on the keys that the change touches. post_save and
post_delete write through or invalidate, and lower the fence. All this happens in the request,
before the write is acknowledged (R10). Then one small event tells the other processes (R8, R11).
Handlers never raise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from flask import Flask
from mongoengine import Document, signals

from chat.cache import messages, unread, unread_tail, updates, users
from chat.cache.fence import writes as fence_writes
from chat.models import Channel, EmojiUse, Membership, Message, Site, User
from chat.models.base import NUMBERS, write_refused
from chat.redis.client import redis
from chat.redis_schema import keys


@dataclass(frozen=True)
class Invalidation:
    """One row of the table.

    ``keys``: the Redis keys that a change of the document touches. ``finish``: brings them up to
    date after the write. ``topic`` and ``events``: the events for the other processes.
    """

    document: type[Document]
    keys: Callable[[Any], list[str]]
    finish: Callable[[list[fence_writes.Write], Any, bool], None]
    topic: str | None = None
    events: Callable[[Any], list[dict]] = lambda document: [
        {"type": "changed", "id": str(document.id)}
    ]


def _drop(writes: list[fence_writes.Write], document: Any, created: bool) -> None:
    """Invalidate (R11): delete the values; the next reader fills them."""
    fence_writes.end_all([(write, fence_writes.drop()) for write in writes])


def _profile(writes: list[fence_writes.Write], user: User, created: bool) -> None:
    """Write the profile through; give the list a new version, or delete it if its order changes."""
    listed = fence_writes.drop() if user.reorders else fence_writes.touch()
    endings = [users.written(writes[0], str(user.id), user.stored), (writes[1], listed)]
    # The profile must be written before the list gets its new version. One server keeps the order
    # of one round trip. The nodes of a Cluster do not, so there each ending is a round trip.
    many = redis.enabled and redis.connector.mode == "cluster"
    for together in [[ending] for ending in endings] if many else [endings]:
        fence_writes.end_all(together)


def _message(writes: list[fence_writes.Write], message: Message, created: bool) -> None:
    stored = message.together
    if not stored:  # the stored state is unknown
        _drop(writes, message, created)
        return
    endings = [messages.stored(writes[0], stored)]
    for tail in writes[1:]:
        endings.append(unread.posted(tail, stored) if created else (tail, fence_writes.drop()))
    fence_writes.end_all(endings)


def _message_keys(message: Message) -> list[str]:
    """The recent messages; the tail, too, for a post or a change of a field in the tail's lines.

    A post has its seq already when pre_save asks for the keys.
    """
    channel = str(message.channel)
    counts = message.seq is not None or message.touched & set(unread_tail.FIELDS)
    return keys_of_a_post(channel) if counts else [keys.recent_messages(channel)]


def keys_of_a_post(channel_id: str) -> list[str]:
    """The keys that a post to this channel touches."""
    return [keys.recent_messages(channel_id), keys.tail(channel_id)]


def _message_events(message: Message) -> list[dict[str, Any]]:
    """One event for each message: posts that arrived together were stored in one save."""
    stored = [(each["id"], each["seq"], each["rev"]) for each in message.together]
    return [
        {"type": "changed", "id": str(id), "channel": str(message.channel), "seq": seq, "rev": rev}
        for id, seq, rev in stored or [(message.id, 0, 0)]
    ]


def _heard_of_message(event: dict[str, Any]) -> None:
    """Learn the latest seq and rev of a channel from other processes.

    Otherwise two processes that post to one channel would always try the same number.
    """
    NUMBERS.hear(ObjectId(event["channel"]), event.get("seq", 0), event.get("rev", 0))


def _membership(writes: list[fence_writes.Write], membership: Membership, created: bool) -> None:
    if not membership.moved:  # a person joined or left, or the change is unknown
        _drop(writes, membership, created)
        return
    mark = (str(membership.channel), membership.last_read_seq)
    fence_writes.end_all([(writes[0], fence_writes.apply("HSET", *mark))])


def _membership_keys(membership: Membership) -> list[str]:
    own = keys.marks(str(membership.user))
    return [own] if membership.moves_mark else [own, keys.channel_users(str(membership.channel))]


def _emoji(writes: list[fence_writes.Write], uses: EmojiUse, created: bool) -> None:
    flat = [x for pair in uses.changed.items() for x in pair]
    fence_writes.end_all(
        [(writes[0], fence_writes.apply("HSET", *flat) if flat else fence_writes.drop())]
    )


TABLE = (
    Invalidation(User, lambda u: [keys.profile(str(u.id)), keys.users_list()], _profile, "users"),
    Invalidation(Channel, lambda c: [keys.channels_list(), keys.direct(str(c.id))], _drop,
        "channels"),
    Invalidation(Membership, _membership_keys, _membership),
    Invalidation(Message, _message_keys, _message, "messages", _message_events),
    Invalidation(EmojiUse, lambda e: [keys.emoji_counts()], _emoji),
    Invalidation(Site, lambda s: [keys.site()], _drop, "channels", lambda s: [{"type": "site"}]),
)  # fmt: skip

_ROWS = {row.document: row for row in TABLE}


def init_app(app: Flask) -> None:
    """Connect the table. Named functions and explicit senders: blinker drops lambdas."""
    updates.subscribe("messages", _heard_of_message)
    for row in TABLE:
        signals.pre_save.connect(_before, sender=row.document)
        signals.post_save.connect(_after, sender=row.document)
        signals.pre_delete.connect(_before, sender=row.document)
        signals.post_delete.connect(_deleted, sender=row.document)
        write_refused.connect(_refused, sender=row.document)


def _before(sender: type[Document], document: Any, **_: Any) -> None:
    if "id" in sender._fields and document.id is None:
        document.id = ObjectId()  # the keys of a new document are named after its id
    if redis.enabled and not document.__dict__.get("_writes"):  # it may be announced already
        row = _ROWS[sender]
        document._writes = fence_writes.begin_all(row.keys(document))


def _after(sender: type[Document], document: Any, created: bool = False, **_: Any) -> None:
    row = _ROWS[sender]
    writes = document.__dict__.pop("_writes", None)
    if writes:
        row.finish(writes, document, created)
    if row.topic:
        for event in row.events(document):
            updates.publish(row.topic, event)


def _deleted(sender: type[Document], document: Any, **_: Any) -> None:
    _after(sender, document)


def _refused(sender: type[Document], document: Any) -> None:
    fence_writes.release_all(document.__dict__.pop("_writes", None) or [])
