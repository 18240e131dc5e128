"""The one table: which save refreshes which cache (C5).

pre_save raises the fence on the keys that a document's change touches, post_save and post_delete
write through or invalidate and lower it, all inside the request, before anything is acknowledged
(R10). Afterwards one small event tells the other processes (R8, R11). Handlers never raise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from flask import Flask
from mongoengine import Document, signals

from chat.cache import fence, keys, messages, updates, users
from chat.extensions import redis
from chat.models import Channel, Membership, Message, Site, User
from chat.models.base import write_refused
from chat.models.message import to_message


@dataclass(frozen=True)
class Row:
    """A document, the keys its change touches, how they are brought up to date, whom to tell."""

    document: type[Document]
    keys: Callable[[Any], list[str]]
    finish: Callable[[list[fence.Write], Any, bool], None]
    topic: str | None = None
    event: Callable[[Any], dict] = lambda document: {"type": "changed", "id": str(document.id)}


def _drop(writes: list[fence.Write], document: Any, created: bool) -> None:
    """Invalidate (R11): the next reader fills."""
    for write in writes:
        fence.end(write)


def _profile(writes: list[fence.Write], user: User, created: bool) -> None:
    users.profile_written(writes[0], str(user.id))
    _drop(writes[1:], user, created)


def _message(writes: list[fence.Write], message: Message, created: bool) -> None:
    if created:
        messages.posted(writes[0], to_message(message.to_mongo()))
    else:
        _drop(writes, message, created)


TABLE = (
    Row(User, lambda u: [keys.profile(str(u.id)), *([keys.users_list()] if u.reorders else [])],
        _profile, "users"),
    Row(Channel, lambda c: [keys.channels_list(), keys.direct(str(c.id))], _drop, "channels"),
    Row(Membership, lambda m: [keys.channel_users(str(m.channel))], _drop),
    Row(Message, lambda m: [keys.recent_messages(str(m.channel))], _message, "messages",
        lambda m: {"type": "changed", "id": str(m.id), "channel": str(m.channel)}),
    Row(Site, lambda s: [keys.site()], _drop, "channels", lambda s: {"type": "site"}),
)  # fmt: skip

_ROWS = {row.document: row for row in TABLE}


def init_app(app: Flask) -> None:
    """Connect the table. Named functions and explicit senders: blinker drops lambdas."""
    for row in TABLE:
        signals.pre_save.connect(_before, sender=row.document)
        signals.post_save.connect(_after, sender=row.document)
        signals.pre_delete.connect(_before, sender=row.document)
        signals.post_delete.connect(_deleted, sender=row.document)
        write_refused.connect(_refused, sender=row.document)


def _before(sender: type[Document], document: Any, **_: Any) -> None:
    if document.id is None:
        document.id = ObjectId()  # the keys of a new document are named after its id
    if redis.enabled:
        document._writes = [fence.begin(key) for key in _ROWS[sender].keys(document)]


def _after(sender: type[Document], document: Any, created: bool = False, **_: Any) -> None:
    row = _ROWS[sender]
    writes = document.__dict__.pop("_writes", None)
    if writes:
        row.finish(writes, document, created)
    if row.topic:
        updates.publish(row.topic, row.event(document))


def _deleted(sender: type[Document], document: Any, **_: Any) -> None:
    _after(sender, document)


def _refused(sender: type[Document], document: Any) -> None:
    for write in document.__dict__.pop("_writes", None) or []:
        fence.release(write)
