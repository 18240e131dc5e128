"""All events to browsers. Services call these functions after the write; nothing here writes.

A broadcast never raises and never waits. The write is already stored; a browser that misses an
event fetches the changes later (`channel:open`).
"""

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

from chat import protocol
from chat.cache import updates
from chat.realtime.outgoing import rooms
from chat.realtime.transport import socketio
from chat.telemetry import events as telemetry
from chat.text import markdown

log = logging.getLogger(__name__)
P = ParamSpec("P")

# In large rooms bursts of these events are joined in one write (chat.realtime.transport.coalesce).
MAY_WAIT = frozenset(
    {protocol.MESSAGE_NEW, protocol.MESSAGE_CHANGED, protocol.MESSAGE_DELETED, protocol.TYPING}
)


def _safely(fn: Callable[P, None]) -> Callable[P, None]:
    """Log errors of a broadcast instead of raising them: the write itself has succeeded."""

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


def carried(message: dict[str, Any]) -> dict[str, Any]:
    """A message as browsers are sent it: without the HTML if that only repeats the text.

    Browsers make the row (static/js/rows.js), from the template that also renders rows of pages.
    """
    if markdown.is_text_alone(message["html"], message["text"]):
        return {name: value for name, value in message.items() if name != "html"}
    return message


@_safely
def message_created(message: dict[str, Any]) -> None:
    room = rooms.channel(message["channel"])
    _emit(protocol.MESSAGE_NEW, {"message": carried(message)}, room)


@_safely
def message_changed(message: dict[str, Any]) -> None:
    room = rooms.channel(message["channel"])
    _emit(protocol.MESSAGE_CHANGED, {"message": carried(message)}, room)


@_safely
def message_deleted(message: dict[str, Any]) -> None:
    """Send ids, seq and `rev` of a deleted message."""
    data = {key: message[key] for key in ("id", "channel", "seq", "rev")}
    _emit(protocol.MESSAGE_DELETED, data, rooms.channel(message["channel"]))


@_safely
def channel_changed(channel: dict[str, Any]) -> None:
    """Send a public or voice channel to all browsers, any other only to its members."""
    everyone = channel["kind"] in ("public", "voice")
    to = rooms.EVERYONE if everyone else rooms.channel(channel["id"])
    _emit(protocol.CHANNEL_CHANGED, {"channel": channel}, to)


@_safely
def channel_removed(channel_id: str, user_ids: Iterable[str] | None = None) -> None:
    """Tell these people, or all members (None), that they have lost the channel; empty its room."""
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
    """From now on only members get the events of this channel."""
    rooms.unwatch_all(channel_id)


@_safely
def member_joined(channel: dict[str, Any], person: dict[str, Any]) -> None:
    rooms.join(channel["id"], person["id"])
    member_listed(channel, person)


@_safely
def member_listed(channel: dict[str, Any], person: dict[str, Any]) -> None:
    """Tell browsers that show the channel to add this person to its members."""
    who = {name: person[name] for name in ("id", "nickname", "status")}
    joined = {"channel": channel, "joined": person["id"], "person": who}
    _emit(protocol.CHANNEL_CHANGED, joined, rooms.channel(channel["id"]))


@_safely
def member_unlisted(channel: dict[str, Any], user_id: str) -> None:
    """Tell browsers that show the channel to remove this person from its members."""
    left = {"channel": channel, "left": user_id}
    _emit(protocol.CHANNEL_CHANGED, left, rooms.channel(channel["id"]))


@_safely
def member_left(channel: dict[str, Any], user_id: str) -> None:
    """Remove a former member from the room first, so that no later message reaches them."""
    public = channel["kind"] in ("public", "voice")
    rooms.leave(channel["id"], user_id, may_watch=public and not channel["archived"])
    member_unlisted(channel, user_id)
    if public:  # for other kinds the caller sends `channel_removed`
        _emit(protocol.CHANNEL_CHANGED, {"channel": channel, "left": user_id}, rooms.user(user_id))


@_safely
def unread_changed(user_id: str, channel_id: str, unread: int, last_seq: int) -> None:
    """Send the unread count of a channel up to ``last_seq``. Its messages may arrive later."""
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
    """Send people who came online or went offline. `local`: only to browsers of this process."""
    data = {"online": sorted(online), "offline": sorted(offline), **extra}
    if socketio.server is not None:
        telemetry.emitted(protocol.PRESENCE)
        socketio.server.emit(protocol.PRESENCE, data, to=rooms.EVERYONE, ignore_queue=local)


@_safely
def presence_greeting(
    sid: str, online: Iterable[str], offline: Iterable[str], known: bool, missed: bool, **extra: Any
) -> None:
    """Send a new socket of this process the changes of presence since its page was rendered.

    ``missed``: there were too many changes, the browser must fetch the list. ``known: false``:
    other people may be online, too.
    """
    data = {"online": sorted(online), "offline": sorted(offline), **extra}
    data |= {"greeting": True, "known": known, "missed": missed}
    telemetry.emitted(protocol.PRESENCE)
    socketio.server.emit(protocol.PRESENCE, data, to=sid, ignore_queue=True)


@_safely
def user_changed(user_id: str) -> None:
    """After a change of role, state or settings: all processes check the person's sockets soon."""
    rooms.recheck(user_id)
    updates.publish("users", {"kind": "changed", "user": user_id})


@_safely
def sessions_ended(
    user_id: str, except_sid_hash: str | None = None, sid_hash: str | None = None
) -> None:
    """Disconnect sockets of ended sessions in all processes: all, all but one, or exactly one."""
    rooms.disconnect(user_id, except_sid_hash, sid_hash)


@_safely
def status_changed() -> None:
    """Tell open status pages of this process to reload. The event has no data."""
    _emit(protocol.STATUS_CHANGED, {}, to=rooms.STATUS, ignore_queue=True)


@_safely
def system(mode: str, everywhere: bool = False, **extra: Any) -> None:
    """Send the mode (`normal`, `degraded`, `restarting`) to browsers of this process, or of all.

    ``resync: true`` tells browsers to send `channel:open`, because events may have been lost.
    """
    if socketio.server is not None:
        data = {"mode": mode, **extra}
        telemetry.emitted(protocol.SYSTEM)
        socketio.server.emit(protocol.SYSTEM, data, to=rooms.EVERYONE, ignore_queue=not everywhere)
