"""The handlers of all socket events: parse, check, call a service, return the acknowledgement."""

from typing import Any

from flask import g, session
from flask_login import current_user

from chat import presence, protocol
from chat.auth import permissions, sessions
from chat.cache import (
    announced_early,
    channels,
    directs,
    members,
    newest_rev,
    read_through,
    users,
)
from chat.cache.process_copies import copies
from chat.cache.read_through import Source
from chat.errors import Forbidden, Throttled, Unauthenticated, Unavailable
from chat.models import base
from chat.realtime.incoming import catch_up
from chat.realtime.incoming.events import Ahead, handles, number, optional_number, text
from chat.realtime.outgoing import broadcasts, rooms
from chat.realtime.transport import open_sockets
from chat.realtime.transport.open_sockets import OpenSocket
from chat.services import activity, messages
from chat.telemetry import events as telemetry
from chat.web.security import token_matches

MOST_SOCKETS = 20  # of one person in one process
MOST_WATCHED = 20  # public channels that one socket may watch without membership


def connect(sid: str, eio_sid: str, environ: dict[str, Any], auth: Any, heard: int) -> OpenSocket:
    """Register a socket for the session of its handshake. Raises a ChatError to refuse it.

    ``heard``: ``rooms.changes_heard`` before anything of this person was read.
    """
    connection = _identify(sid, eio_sid, environ, auth)
    open_sockets.add(connection)
    try:
        rooms.enter_own(connection)
        rooms.enter_channels(connection, heard)
    except BaseException:
        open_sockets.remove(sid)
        raise
    presence.connect(connection.user_id, sid, auth.get("presence"), current_user.nickname)
    activity.touch(connection.user_id)
    return connection


def disconnect(sid: str) -> None:
    connection = open_sockets.remove(sid)
    if connection:
        presence.disconnect(connection.user_id, sid)


def _identify(sid: str, eio_sid: str, environ: dict[str, Any], auth: Any) -> OpenSocket:
    if getattr(session, "degraded", False):
        raise Unavailable
    session_id = sessions.current_sid()
    if not session_id or not current_user.is_authenticated:
        raise Unauthenticated
    sent = auth.get("csrf") if isinstance(auth, dict) else None
    if not token_matches(session.get("csrfToken"), sent):
        raise Forbidden
    if len(open_sockets.of_user(current_user.id)) >= MOST_SOCKETS:
        raise Throttled
    return OpenSocket(
        sid=sid,
        eio_sid=eio_sid,
        user_id=current_user.id,
        session_id=session_id,
        session_hash=sessions.sid_hash(session_id),
        session=session._get_current_object(),  # type: ignore[attr-defined]
        environ=environ,
        auth_gen=current_user.auth_gen,
    )


def _of_checks(connection: OpenSocket, channel_id: str) -> list[Source]:
    """The cached values for the checks of an event in a channel: account, channel and members."""
    found = [users.profile_source(connection.user_id), channels.all_source()]
    found += directs.sources(channel_id, connection.user_id)
    where = members.source(channel_id)
    return found if copies.is_too_big(where.key) else [*found, where]


def _of_a_post(connection: OpenSocket, data: dict[str, Any]) -> Ahead:
    """Besides the checks the announcement of the post."""
    channel_id = str(data.get("channel"))
    if base.object_id(channel_id) is None:
        return Ahead()
    riders = announced_early.ahead(channel_id, connection.user_id)
    return Ahead(_of_checks(connection, channel_id), riders)


def _of_catching_up(connection: OpenSocket, data: dict[str, Any]) -> Ahead:
    """Besides the checks the channel's newest rev, if the socket hears of every later one."""
    channel_id = str(data.get("channel"))
    if base.object_id(channel_id) is None:
        return Ahead()
    g.changes_heard = rooms.changes_heard()
    is_heard = rooms.is_in(connection, channel_id)
    riders = newest_rev.ahead(channel_id) if is_heard else []
    return Ahead(_of_checks(connection, channel_id), riders)


@handles(protocol.MESSAGE_POST, flood="message", needs=_of_a_post)
def post_message(actor: Any, connection: OpenSocket, data: dict[str, Any]) -> dict[str, Any]:
    channel_id, client_id = text(data, "channel"), text(data, "client_id", 200)
    message, _created = messages.post(actor, channel_id, text(data, "text", 64_000), client_id)
    activity.touch(actor.id)
    return {"message": message}


@handles(protocol.MESSAGE_EDIT, flood="message")
def edit_message(actor: Any, connection: OpenSocket, data: dict[str, Any]) -> dict[str, Any]:
    return {"message": messages.edit(actor, text(data, "id"), text(data, "text", 64_000))}


@handles(protocol.MESSAGE_DELETE, flood="message")
def delete_message(actor: Any, connection: OpenSocket, data: dict[str, Any]) -> dict[str, Any]:
    return {"message": messages.delete(actor, text(data, "id"))}


@handles(protocol.CHANNEL_OPEN, flood="open", needs=_of_catching_up)
def open_channel(actor: Any, connection: OpenSocket, data: dict[str, Any]) -> dict[str, Any]:
    """The changes of a channel since `rev` (or since the message `after`); enters its room.

    The socket enters the room before the changes are read; otherwise a message in between would be
    lost. The `rev` in the answer is the one for the next call.
    """
    channel_id = text(data, "channel")
    after, rev = number(data, "after", 0), optional_number(data, "rev")
    if g.get("changes_heard") != rooms.changes_heard():
        read_through.look_again()  # a former member would enter the room again
    channel = permissions.get_channel_for(actor, channel_id)
    _listen_in(actor, connection, channel)
    with catch_up.alone(actor.id):
        changed, more = messages.changes(actor, channel_id, after=after, rev=rev)
        found = [{"message": broadcasts.carried(message)} for message in changed]
    telemetry.caught_up(after or rev, len(changed), more)
    return {"messages": found, "more": more, "rev": changed[-1]["rev"] if changed else rev}


def _listen_in(actor: Any, connection: OpenSocket, channel: dict[str, Any]) -> None:
    if permissions.is_member(actor, channel):
        rooms.enter(connection, channel["id"])
        return
    for watched in list(connection.viewing - {channel["id"]})[MOST_WATCHED - 1 :]:
        rooms.unwatch(connection, watched)
    rooms.watch(connection, channel["id"])


@handles(protocol.CHANNEL_READ)
def read_channel(actor: Any, connection: OpenSocket, data: dict[str, Any]) -> dict[str, Any]:
    channel_id = text(data, "channel")
    return {"unread": messages.mark_read(actor, channel_id, number(data, "seq"))}


@handles(protocol.TYPING, flood="typing")
def typing(actor: Any, connection: OpenSocket, data: dict[str, Any]) -> dict[str, Any]:
    channel = permissions.get_channel_for(actor, text(data, "channel"))
    permissions.require_member(actor, channel)
    who = {"id": actor.id, "nickname": actor.nickname}
    broadcasts.typing(channel["id"], who, connection.sid)
    return {}


@handles(protocol.STATUS_WATCH)
def watch_status(actor: Any, connection: OpenSocket, data: dict[str, Any]) -> dict[str, Any]:
    """Subscribe an admin's socket to changes of the status (`status:changed`)."""
    permissions.require_role(actor, "admin")
    rooms.watch_status(connection)
    return {}


@handles(protocol.PRESENCE_PING)
def ping(actor: Any, connection: OpenSocket, data: dict[str, Any]) -> dict[str, Any]:
    activity.touch(actor.id)
    return {}
