"""Every event that leaves for a browser. Services call these after the write; nothing here writes.

A broadcast never raises and never waits: what was stored stays stored, and who misses a push asks
for what changed (`channel:open`).
"""

import contextvars
import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

from flask import Flask, current_app

from chat import protocol
from chat.cache import updates
from chat.pages.fragments import Pieces
from chat.realtime.outgoing import rooms
from chat.realtime.transport import socketio
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)
P = ParamSpec("P")

# In a room of many sockets these leave together when they come fast
# (chat.realtime.transport.coalesce).
MAY_WAIT = frozenset(
    {protocol.MESSAGE_NEW, protocol.MESSAGE_CHANGED, protocol.MESSAGE_DELETED, protocol.TYPING}
)

_rows = Pieces[str](4_000_000)


def _safely(fn: Callable[P, None]) -> Callable[P, None]:
    """The write is done: a failed push must not look like a failed write."""

    @wraps(fn)
    def tell(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            fn(*args, **kwargs)
        except Exception:
            log.exception("could not broadcast %s", fn.__name__)

    return tell


def _emit(event: str, data: dict[str, Any], to: str, **how: Any) -> None:
    if socketio.server is not None:
        telemetry.emitted(event)
        socketio.server.emit(event, data, to=to, **how)


def row(message: dict[str, Any]) -> str:
    """A message's HTML as the page shows it, rendered once and the same for every reader."""
    key = (message["id"], message["rev"], message["author"]["nickname"])
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    # Outside any request: neither language nor clock of whoever happens to write may get in.
    return _rows.get(key, lambda: contextvars.Context().run(_render, app, message))


def _render(app: Flask, message: dict[str, Any]) -> str:
    with app.app_context():
        template = app.jinja_env.get_template("messages/_message.html")
        return template.render(message=message, pushed=True)


@_safely
def prepare(message: dict[str, Any]) -> None:
    """Render what `message_created` is going to say, while the message is being stored."""
    row(message)


@_safely
def message_created(message: dict[str, Any]) -> None:
    room = rooms.channel(message["channel"])
    _emit(protocol.MESSAGE_NEW, {"message": message, "html": row(message)}, room)


@_safely
def message_changed(message: dict[str, Any]) -> None:
    room = rooms.channel(message["channel"])
    _emit(protocol.MESSAGE_CHANGED, {"message": message, "html": row(message)}, room)


@_safely
def message_deleted(message: dict[str, Any]) -> None:
    """Also carries the row of a deleted message, and `rev` for those who keep count."""
    data = {key: message[key] for key in ("id", "channel", "seq", "rev")} | {"html": row(message)}
    _emit(protocol.MESSAGE_DELETED, data, rooms.channel(message["channel"]))


@_safely
def channel_changed(channel: dict[str, Any]) -> None:
    """Everybody may know about a public channel; about the others only who is in it."""
    everyone = channel["kind"] in ("public", "voice")
    to = rooms.EVERYONE if everyone else rooms.channel(channel["id"])
    _emit(protocol.CHANNEL_CHANGED, {"channel": channel}, to)


@_safely
def channel_removed(channel_id: str, user_ids: Iterable[str] | None = None) -> None:
    """The channel is gone for these people, or for all of them (None)."""
    gone = {"channel": channel_id}
    if user_ids is None:
        _emit(protocol.CHANNEL_REMOVED, gone, rooms.channel(channel_id))
        rooms.close(channel_id)
        return
    for user_id in user_ids:
        rooms.leave(channel_id, user_id)
        _emit(protocol.CHANNEL_REMOVED, gone, rooms.user(user_id))


@_safely
def channel_archived(channel_id: str) -> None:
    """From now on only its members hear it."""
    rooms.unwatch_all(channel_id)


@_safely
def member_joined(channel: dict[str, Any], person: dict[str, Any]) -> None:
    rooms.join(channel["id"], person["id"])
    member_listed(channel, person)


@_safely
def member_listed(channel: dict[str, Any], person: dict[str, Any]) -> None:
    """Who has the channel open puts this person among its members."""
    who = {name: person[name] for name in ("id", "nickname", "status")}
    joined = {"channel": channel, "joined": person["id"], "person": who}
    _emit(protocol.CHANNEL_CHANGED, joined, rooms.channel(channel["id"]))


@_safely
def member_unlisted(channel: dict[str, Any], user_id: str) -> None:
    """Who has the channel open takes this person out of its members."""
    left = {"channel": channel, "left": user_id}
    _emit(protocol.CHANNEL_CHANGED, left, rooms.channel(channel["id"]))


@_safely
def member_left(channel: dict[str, Any], user_id: str) -> None:
    """Out of the room first: nothing said afterwards may still reach them."""
    public = channel["kind"] in ("public", "voice")
    rooms.leave(channel["id"], user_id, may_watch=public and not channel["archived"])
    member_unlisted(channel, user_id)
    if public:  # from what is not public `channel_removed` takes them away
        _emit(protocol.CHANNEL_CHANGED, {"channel": channel, "left": user_id}, rooms.user(user_id))


@_safely
def unread_changed(user_id: str, channel_id: str, unread: int, last_seq: int) -> None:
    """How much of the channel up to ``last_seq`` is unread; a push of it may still be under way."""
    counted = {"channel": channel_id, "unread": unread, "last_seq": last_seq}
    _emit(protocol.UNREAD, counted, rooms.user(user_id))


@_safely
def typing(channel_id: str, user: dict[str, Any], skip_sid: str | None = None) -> None:
    _emit(
        protocol.TYPING,
        {"channel": channel_id, "user": user},
        rooms.channel(channel_id),
        skip_sid=skip_sid,
    )


@_safely
def presence_changed(
    online: Iterable[str], offline: Iterable[str], local: bool = False, **extra: Any
) -> None:
    """Who came and who went; `local`: only to this process's browsers."""
    data = {"online": sorted(online), "offline": sorted(offline), **extra}
    if socketio.server is not None:
        telemetry.emitted(protocol.PRESENCE)
        socketio.server.emit(protocol.PRESENCE, data, to=rooms.EVERYONE, ignore_queue=local)


@_safely
def presence_greeting(
    sid: str, online: Iterable[str], offline: Iterable[str], known: bool, missed: bool, **extra: Any
) -> None:
    """The first word to a new socket of this process: what changed since its page was rendered.

    ``missed``: more than can be told, ask for the list. ``known: false``: others may be online.
    """
    data = {"online": sorted(online), "offline": sorted(offline), **extra}
    data |= {"greeting": True, "known": known, "missed": missed}
    telemetry.emitted(protocol.PRESENCE)
    socketio.server.emit(protocol.PRESENCE, data, to=sid, ignore_queue=True)


@_safely
def user_changed(user_id: str) -> None:
    """A person's role, state or settings changed: every process looks at their sockets again."""
    rooms.recheck(user_id)
    updates.publish("users", {"kind": "changed", "user": user_id})


@_safely
def sessions_ended(
    user_id: str, except_sid_hash: str | None = None, sid_hash: str | None = None
) -> None:
    """Cut the sockets of ended sessions everywhere: all, all but one, or exactly one."""
    rooms.disconnect(user_id, except_sid_hash, sid_hash)


@_safely
def status_changed() -> None:
    """To this process's open status pages: ask again. Says nothing that only admins may know."""
    _emit(protocol.STATUS_CHANGED, {}, to=rooms.STATUS, ignore_queue=True)


@_safely
def system(mode: str, everywhere: bool = False, **extra: Any) -> None:
    """`normal`, `degraded` or `restarting`, to this process's browsers.

    ``resync: true`` beside it asks them for a `channel:open`: something may have been missed.
    """
    if socketio.server is not None:
        data = {"mode": mode, **extra}
        telemetry.emitted(protocol.SYSTEM)
        socketio.server.emit(protocol.SYSTEM, data, to=rooms.EVERYONE, ignore_queue=not everywhere)
