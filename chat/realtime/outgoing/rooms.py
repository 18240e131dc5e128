"""The rooms of sockets: `channel:<id>`, `user:<id>`, `session:<hash>`, `status` for admins.

Rooms are a copy of the stored memberships. A change is applied at once to the sockets of this
process, and by `updates:channels` to those of other processes. Such an event can be lost. So `sync`
compares the rooms of a socket with the stored memberships: at connect, after a gap and in every
sweep.
"""

import logging
import time
from typing import Any

import gevent

from chat.cache import read_through, unread, updates
from chat.realtime.transport import open_sockets, socketio
from chat.realtime.transport.open_sockets import NAMESPACE, OpenSocket

log = logging.getLogger(__name__)


# All authenticated sockets. The library's room of all sockets also has unauthenticated ones.
EVERYONE = "everyone"
# Open status pages. This room has no stored memberships; each sweep checks the role instead.
STATUS = "status"

_heard = 0  # ``changes_heard``


def channel(channel_id: str) -> str:
    return f"channel:{channel_id}"


def user(user_id: str) -> str:
    return f"user:{user_id}"


def session(sid_hash: str) -> str:
    return f"session:{sid_hash}"


def join(channel_id: str, user_id: str) -> None:
    """Put the sockets of a new member into the channel's room, in all processes."""
    _join_here(channel_id, user_id)
    updates.publish("channels", {"kind": "joined", "channel": channel_id, "user": user_id})


def leave(channel_id: str, user_id: str, may_watch: bool = False) -> None:
    """Take the sockets of a former member out of the channel's room, in all processes.

    With ``may_watch``, sockets that watch the channel stay.
    """
    _leave_here(channel_id, user_id, may_watch)
    updates.publish("channels", {"kind": "left", "channel": channel_id, "user": user_id,
                                 "may_watch": may_watch})  # fmt: skip


def close(channel_id: str) -> None:
    """Empty a channel's room in all processes."""
    _close_here(channel_id)
    updates.publish("channels", {"kind": "closed", "channel": channel_id})


def enter_own(connection: OpenSocket) -> None:
    """Enter the rooms of all sockets, of the person and of the session."""
    _enter(connection, EVERYONE)
    _enter(connection, user(connection.user_id))
    _enter(connection, session(connection.session_hash))


def enter(connection: OpenSocket, channel_id: str) -> None:
    """Put a member's socket into the channel's room; usually it is there already."""
    connection.viewing.discard(channel_id)
    _enter(connection, channel(channel_id))


def unwatch(connection: OpenSocket, channel_id: str) -> None:
    """Take a socket that watched a public channel out of its room."""
    connection.viewing.discard(channel_id)
    _exit(connection, channel(channel_id))


def watch(connection: OpenSocket, channel_id: str) -> None:
    """Put a socket into the room of a public channel without membership."""
    connection.viewing.add(channel_id)
    _enter(connection, channel(channel_id))


def unwatch_all(channel_id: str) -> None:
    """Take all sockets of non-members out of the channel's room, in all processes."""
    _unwatch_all_here(channel_id)
    updates.publish("channels", {"kind": "archived", "channel": channel_id})


def watch_status(connection: OpenSocket) -> None:
    """Put an admin's socket into the room for changes of the status."""
    _enter(connection, STATUS)


def unwatch_status(connection: OpenSocket) -> None:
    """Take a socket out of the room for changes of the status, if it is there."""
    if STATUS in held_by(connection):
        _exit(connection, STATUS)


def disconnect(user_id: str, except_hash: str | None = None, only_hash: str | None = None) -> None:
    """Disconnect a person's sockets in all processes.

    All of them, all except those of one session, or only those of one session.
    """
    _disconnect_here(user_id, except_hash, only_hash)
    updates.publish("users", {"kind": "sessions_ended", "user": user_id,
                              "except": except_hash, "only": only_hash})  # fmt: skip


def enter_channels(connection: OpenSocket, before: int) -> None:
    """Enter the rooms of a new socket's channels, by the cached memberships.

    Session and memberships were read before the socket was registered. ``before``: the number of
    ``changes_heard`` before that. If one was heard since, the memberships are read again, and the
    next sweep checks the socket.
    """
    if before == _heard:
        connection.checked = time.monotonic()
    else:
        read_through.look_again()
    while True:
        connection.stale = False
        wanted = {channel(id) for id in unread.get_marks(connection.user_id)}
        # If a change arrived during the read, the result may be stale: read again.
        if not connection.stale:
            break
        read_through.look_again()
    _settle(connection, wanted)


def changes_heard() -> int:
    """The number of changes of memberships, sessions and people that were applied here."""
    return _heard


def is_in(connection: OpenSocket, channel_id: str) -> bool:
    """Whether a socket is in the channel's room."""
    return socketio.server.manager.is_in(connection.sid, channel(channel_id))  # type: ignore[no-any-return]


def sync(connection: OpenSocket) -> None:
    """Set the channel rooms of a socket from the stored memberships."""
    from chat.models.membership import Membership

    while True:
        connection.stale = False
        wanted = {channel(id) for id in Membership.channel_ids_of(connection.user_id)}
        # If a change arrived during the query, the result may be stale: query again.
        if not connection.stale:
            break
    _settle(connection, wanted)


def sync_all(some: list[OpenSocket]) -> None:
    """``sync`` for many sockets, with one query."""
    from chat.models.membership import Membership

    for connection in some:
        connection.stale = False
    stored = Membership.channel_ids_of_all([connection.user_id for connection in some])
    for connection in some:
        if connection.stale:
            sync(connection)
        else:
            _settle(connection, {channel(id) for id in stored[connection.user_id]})


def _settle(connection: OpenSocket, wanted: set[str]) -> None:
    if open_sockets.get(connection.sid) is not connection:
        return
    wanted |= {channel(id) for id in connection.viewing}
    held = {room for room in held_by(connection) if room.startswith("channel:")}
    for room in wanted - held:
        _enter(connection, room)
    for room in held - wanted:
        _exit(connection, room)


def held_by(connection: OpenSocket) -> set[str]:
    """The rooms of a socket, without its own room."""
    return {room for room in socketio.server.manager.get_rooms(connection.sid, NAMESPACE) if room}


def cut(connection: OpenSocket) -> None:
    """Disconnect one socket without waiting for a slow reader."""
    gevent.spawn(_cut, connection)


def _cut(connection: OpenSocket) -> None:
    try:
        socketio.server.disconnect(connection.sid, NAMESPACE)
    except Exception:
        log.exception("a socket could not be disconnected")


def _enter(connection: OpenSocket, room: str) -> None:
    if _is_here(connection):
        socketio.server.manager.enter_room(connection.sid, NAMESPACE, room)


def _exit(connection: OpenSocket, room: str) -> None:
    if _is_here(connection):
        socketio.server.manager.leave_room(connection.sid, NAMESPACE, room)


def _is_here(connection: OpenSocket) -> bool:
    """Whether the socket is connected. The manager would pass moves of a closed socket on."""
    manager, sid = socketio.server.manager, connection.sid
    return manager.is_connected(sid, NAMESPACE) or manager.is_pre_connected(sid, NAMESPACE)


def _hear() -> None:
    global _heard
    _heard += 1


def _join_here(channel_id: str, user_id: str) -> None:
    _hear()
    for connection in open_sockets.of_user(user_id):
        connection.stale = True
        _enter(connection, channel(channel_id))


def _leave_here(channel_id: str, user_id: str, may_watch: bool) -> None:
    _hear()
    for connection in open_sockets.of_user(user_id):
        connection.stale = True
        if not may_watch:
            connection.viewing.discard(channel_id)
        if channel_id not in connection.viewing:
            _exit(connection, channel(channel_id))


def _unwatch_all_here(channel_id: str) -> None:
    for connection in open_sockets.everyone():
        if channel_id in connection.viewing:
            unwatch(connection, channel_id)


def _close_here(channel_id: str) -> None:
    _hear()
    for connection in open_sockets.everyone():
        connection.viewing.discard(channel_id)
        connection.stale = True
        _exit(connection, channel(channel_id))


def _disconnect_here(user_id: str, except_hash: str | None, only_hash: str | None) -> None:
    _hear()
    for connection in open_sockets.of_user(user_id):
        ended = connection.session_hash == only_hash if only_hash else True
        if ended and not (except_hash and connection.session_hash == except_hash):
            cut(connection)


def on_channels(event: dict[str, Any]) -> None:
    """Apply another process's room move here."""
    kind, channel_id = event.get("kind"), event.get("channel", "")
    if kind == "joined":
        _join_here(channel_id, event["user"])
    elif kind == "left":
        _leave_here(channel_id, event["user"], bool(event.get("may_watch")))
    elif kind == "closed":
        _close_here(channel_id)
    elif kind == "archived":
        _unwatch_all_here(channel_id)


def on_users(event: dict[str, Any]) -> None:
    """Apply the end of sessions in another process, or check the sockets of a changed person."""
    if event.get("kind") == "sessions_ended":
        _disconnect_here(event["user"], event.get("except"), event.get("only"))
    elif event.get("kind") == "changed":
        recheck(event["user"])


def recheck(user_id: str) -> None:
    """Make the next sweep check this person's sockets first."""
    _hear()
    for connection in open_sockets.of_user(user_id):
        connection.checked = float("-inf")
