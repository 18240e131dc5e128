"""The sweep over open sockets: it repairs what lost events have missed.

Each socket is checked at least once a minute: does its session exist, is the person still active,
do its rooms match the memberships?
"""

import logging
import math
import time
from typing import Any

import gevent
from flask import Flask

from chat.auth import sessions
from chat.cache import users
from chat.models.background import go_on
from chat.models.user import at_least
from chat.realtime.incoming import handlers, identity
from chat.realtime.outgoing import rooms
from chat.realtime.transport import open_sockets, socketio
from chat.realtime.transport.open_sockets import OpenSocket

log = logging.getLogger(__name__)

TICK = 1.0
LOOK_EVERY = 50.0  # seconds; with the time of the check itself less than a minute
LEAVES_WITHIN = 15.0  # seconds for the peer of a disconnected socket to close its line

_greenlet: gevent.Greenlet | None = None
_left: dict[str, float] = {}  # lines without a socket any more → since when


def start(app: Flask) -> None:
    global _greenlet
    if not _greenlet:
        _greenlet = gevent.spawn(_run, app)


def stop() -> None:
    global _greenlet
    if _greenlet:
        _greenlet.kill(timeout=1)
    _greenlet = None


def look_at_all() -> None:
    """Make the next ticks check all sockets, after a gap in the events."""
    for connection in open_sockets.everyone():
        connection.checked = 0.0


def _run(app: Flask) -> None:
    while True:
        gevent.sleep(TICK)
        with go_on(log, "the check of the sockets failed"), app.app_context():
            drop_ghosts()
            drop_left_lines()
            look_at(_due())
            app.extensions["chat.floods"].tidy()


def _due() -> list[OpenSocket]:
    """The sockets to check in this tick: an even share, the longest unchecked first."""
    everyone = sorted(open_sockets.everyone(), key=lambda connection: connection.checked)
    share = max(20, math.ceil(len(everyone) / LOOK_EVERY * 2))
    past = time.monotonic() - LOOK_EVERY
    return [connection for connection in everyone[:share] if connection.checked < past]


def look_at(some: list[OpenSocket]) -> None:
    """Disconnect sockets that must not be open any more, and correct the rooms of the others.

    All are checked with a few queries: of a thousand sockets twenty are checked in each second.
    """
    for connection in some:
        connection.checked = time.monotonic()
    alive = sessions.are_alive([connection.session_id for connection in some])
    profiles = users.get_profiles({connection.user_id for connection in some})
    staying = []
    for connection, has_session in zip(some, alive, strict=True):
        if has_session and _may_act(connection, profiles.get(connection.user_id)):
            staying.append(connection)
        else:
            log.info("a socket of person %s has outlived its session", connection.user_id)
            rooms.cut(connection)
        if not at_least((profiles.get(connection.user_id) or {}).get("role"), "admin"):
            rooms.unwatch_status(connection)
    if staying:
        rooms.sync_all(staying)


def _may_act(connection: OpenSocket, profile: dict[str, Any] | None) -> bool:
    if profile and profile["active"] and profile["auth_gen"] == connection.auth_gen:
        return True
    return identity.account_of(connection) is not None  # loads the account


def drop_ghosts() -> None:
    """Remove sockets that closed during their handshake: no disconnect event comes for them."""
    open_ones = socketio.server.eio.sockets
    for connection in open_sockets.everyone():
        if connection.eio_sid not in open_ones:
            handlers.disconnect(connection.sid)
            socketio.server.manager.disconnect(
                connection.sid, open_sockets.NAMESPACE, ignore_queue=True
            )


def drop_left_lines() -> None:
    """Close lines that are still open although their socket was disconnected.

    Unauthenticated lines are not touched: `TransportSocket.look` closes them.
    """
    known = {connection.eio_sid for connection in open_sockets.everyone()}
    lines, now = dict(socketio.server.eio.sockets), time.monotonic()
    left = {
        eio_sid
        for eio_sid, line in lines.items()
        if line.is_let_in and not line.is_heard and eio_sid not in known
    }
    for eio_sid in list(_left):
        if eio_sid not in left:
            del _left[eio_sid]
    for eio_sid in left:
        if now - _left.setdefault(eio_sid, now) > LEAVES_WITHIN:
            lines[eio_sid].hang_up()
