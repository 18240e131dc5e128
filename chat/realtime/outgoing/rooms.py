"""Who hears what: `channel:<id>`, `user:<id>` and `session:<hash>`; admins `status`.

A room is only the fast path of a membership. Moves are applied to this process's sockets at once
and to the others' by `updates:channels`; since such an event can be lost, `sync` compares a
socket's rooms with the stored memberships, at connect, after a gap and in every sweep.
"""

import logging
from typing import Any

import gevent

from chat.cache import updates
from chat.realtime.transport import open_sockets, socketio
from chat.realtime.transport.open_sockets import NAMESPACE, OpenSocket

log = logging.getLogger(__name__)


# Everybody who has been let in. The library's own "all" has those in it who are still at the door.
EVERYONE = "everyone"
# Open status pages. No memberships stand behind it: the role is looked at again in each sweep.
STATUS = "status"


def channel(channel_id: str) -> str:
    return f"channel:{channel_id}"


def user(user_id: str) -> str:
    return f"user:{user_id}"


def session(sid_hash: str) -> str:
    return f"session:{sid_hash}"


def join(channel_id: str, user_id: str) -> None:
    """Put a new member's sockets into the channel's room, in every process."""
    _join_here(channel_id, user_id)
    updates.publish("channels", {"kind": "joined", "channel": channel_id, "user": user_id})


def leave(channel_id: str, user_id: str, may_watch: bool = False) -> None:
    """Take a former member's sockets out, in every process; who may watch and does, stays."""
    _leave_here(channel_id, user_id, may_watch)
    updates.publish("channels", {"kind": "left", "channel": channel_id, "user": user_id,
                                 "may_watch": may_watch})  # fmt: skip


def close(channel_id: str) -> None:
    """Empty a channel's room in every process."""
    _close_here(channel_id)
    updates.publish("channels", {"kind": "closed", "channel": channel_id})


def enter_own(connection: OpenSocket) -> None:
    """The rooms of everybody, of the person and of the session."""
    _enter(connection, EVERYONE)
    _enter(connection, user(connection.user_id))
    _enter(connection, session(connection.session_hash))


def enter(connection: OpenSocket, channel_id: str) -> None:
    """Let a member's socket hear a channel (it should already)."""
    connection.viewing.discard(channel_id)
    _enter(connection, channel(channel_id))


def unwatch(connection: OpenSocket, channel_id: str) -> None:
    """No longer hear a public channel that one is not a member of."""
    connection.viewing.discard(channel_id)
    _exit(connection, channel(channel_id))


def watch(connection: OpenSocket, channel_id: str) -> None:
    """Let one socket hear a public channel without being a member."""
    connection.viewing.add(channel_id)
    _enter(connection, channel(channel_id))


def unwatch_all(channel_id: str) -> None:
    """Nobody who is no member hears the channel any longer, in any process."""
    _unwatch_all_here(channel_id)
    updates.publish("channels", {"kind": "archived", "channel": channel_id})


def watch_status(connection: OpenSocket) -> None:
    """Let an admin's socket hear that the status has changed."""
    _enter(connection, STATUS)


def unwatch_status(connection: OpenSocket) -> None:
    """No longer, if it did."""
    if STATUS in held_by(connection):
        _exit(connection, STATUS)


def disconnect(user_id: str, except_hash: str | None = None, only_hash: str | None = None) -> None:
    """Cut a person's sockets in every process: all, all but one session's, or one session's."""
    _disconnect_here(user_id, except_hash, only_hash)
    updates.publish("users", {"kind": "sessions_ended", "user": user_id,
                              "except": except_hash, "only": only_hash})  # fmt: skip


def sync(connection: OpenSocket) -> None:
    """Make a socket's rooms what the stored memberships say."""
    from chat.models.membership import Membership

    while True:
        connection.stale = False
        wanted = {channel(id) for id in Membership.channel_ids_of(connection.user_id)}
        # A change that came in while we were asking makes the answer worthless: ask again.
        if not connection.stale:
            break
    _settle(connection, wanted)


def sync_all(some: list[OpenSocket]) -> None:
    """The same for many sockets, in one question."""
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
    """The rooms a socket is in."""
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
    """The manager would send moves of a socket that has gone to the other processes."""
    manager, sid = socketio.server.manager, connection.sid
    return manager.is_connected(sid, NAMESPACE) or manager.is_pre_connected(sid, NAMESPACE)


def _join_here(channel_id: str, user_id: str) -> None:
    for connection in open_sockets.of_user(user_id):
        connection.stale = True
        _enter(connection, channel(channel_id))


def _leave_here(channel_id: str, user_id: str, may_watch: bool) -> None:
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
    for connection in open_sockets.everyone():
        connection.viewing.discard(channel_id)
        connection.stale = True
        _exit(connection, channel(channel_id))


def _disconnect_here(user_id: str, except_hash: str | None, only_hash: str | None) -> None:
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
    """Apply another process's end of sessions, or look again at a person who changed."""
    if event.get("kind") == "sessions_ended":
        _disconnect_here(event["user"], event.get("except"), event.get("only"))
    elif event.get("kind") == "changed":
        recheck(event["user"])


def recheck(user_id: str) -> None:
    """Let the next sweep look at this person's sockets first."""
    for connection in open_sockets.of_user(user_id):
        connection.checked = float("-inf")
