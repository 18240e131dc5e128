"""The WebSocket side of the app: the socket server, its rooms, and the events in both directions.

Services import `broadcasts` from here, and the handlers of incoming events import services. To
avoid a circular import, the handlers are imported only when the app is wired.
"""

import logging
from functools import partial
from typing import Any

import gevent
import socketio as library
from flask import Flask
from werkzeug.http import parse_cookie

from chat import protocol
from chat.auth import known_browsers
from chat.auth.sessions.ids import SID
from chat.auth.sessions.recent import callers
from chat.cache import isolation, updates
from chat.realtime.incoming import origins, rate_limit
from chat.realtime.outgoing import broadcasts, rooms
from chat.realtime.transport import handshake, open_sockets, socketio
from chat.realtime.transport.manager import QueueManager, Rooms
from chat.realtime.transport.quotas import Trust
from chat.realtime.transport.server import GuardedServer
from chat.realtime.transport.socket import MAX_MESSAGE
from chat.redis.client import redis
from chat.redis.pubsub import bus

log = logging.getLogger(__name__)

CLOSING_TIME = 2.0  # seconds for closing all sockets at a graceful stop


def init_app(app: Flask) -> None:
    """Create the socket server, for ``SocketDoor``. Opens no connection, starts no greenlet."""
    updates.init_app(app)
    rate_limit.init_app(app)
    library.Server = GuardedServer  # the class that Flask-SocketIO instantiates
    pages = app.wsgi_app
    socketio.init_app(
        app,
        async_mode="gevent",
        manage_session=False,
        client_manager=_manager(app),
        cors_allowed_origins=origins.checker(app),
        transports=["websocket"],
        ping_interval=handshake.PING_INTERVAL,
        ping_timeout=handshake.PING_TIMEOUT,
        max_http_buffer_size=MAX_MESSAGE,
        logger=_quiet("chat.socketio"),
        engineio_logger=_quiet("chat.engineio"),
    )
    socketio.server.eio.proxies = int(app.config.get("TRUSTED_PROXIES") or 0)
    socketio.server.eio.trust = partial(_trust, app)
    app.extensions["chat_sockets"] = app.wsgi_app
    app.wsgi_app = pages  # type: ignore[method-assign]
    _bind(app)
    updates.subscribe("channels", rooms.on_channels)
    updates.subscribe("users", rooms.on_users)
    bus.on_gap(partial(_missed, app))
    bus.on_shed(_others_missed)
    redis.on_change(_mode_changed)
    isolation.on_change(_cut_off_elsewhere)


def _trust(app: Flask, environ: dict[str, Any]) -> Trust:
    """How much to trust a handshake by its cookies alone, before Redis or MongoDB is asked."""
    cookies = parse_cookie(environ.get("HTTP_COOKIE", ""))
    sid = cookies.get(app.config["SESSION_COOKIE_NAME"], "")
    with app.app_context():
        if callers.get(sid) is not None or known_browsers.is_ours(cookies):
            return Trust.KNOWN
    return Trust.CLAIMED if SID.match(sid) else Trust.NONE


class SocketDoor:
    """Middleware: only socket requests go through Flask-SocketIO, all others bypass it.

    For each request Flask-SocketIO copies the environment and creates a class, which is slow.
    """

    def __init__(self, app: Flask, wrapped: Any) -> None:
        self._pages, self._sockets = wrapped, app.extensions["chat_sockets"]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if not environ["PATH_INFO"].startswith("/socket.io/"):
            return self._pages(environ, start_response)
        origins.named(environ)
        return self._sockets(environ, start_response)


def start(app: Flask) -> None:
    """Start the sweep that checks the sockets of this process."""
    from chat.realtime.incoming import reconcile

    reconcile.start(app)


def stop(app: Flask) -> None:
    """Tell the browsers about the restart, then close all sockets and run disconnect handlers."""
    from chat.realtime.incoming import reconcile

    reconcile.stop()
    broadcasts.system(protocol.MODE_RESTARTING)
    socketio.server.manager.hurry()
    engine = socketio.server.eio
    closing = [gevent.spawn(_close, engine, eio_sid) for eio_sid in list(engine.sockets)]
    gevent.joinall(closing, timeout=CLOSING_TIME)
    for line in list(engine.sockets.values()):
        line.hang_up()


def _close(engine: Any, eio_sid: str) -> None:
    try:
        engine.disconnect(eio_sid)
    except Exception:
        log.exception("a socket could not be closed")


def _manager(app: Flask) -> library.Manager:
    if not redis.enabled:
        return Rooms(broadcasts.MAY_WAIT)
    channel = app.config.get("SOCKETIO_CHANNEL") or "chat:socketio"
    manager = QueueManager(channel, broadcasts.MAY_WAIT)
    bus.listen(manager.channel, manager.receive)
    return manager


def _quiet(name: str) -> logging.Logger:
    """A logger for errors only: at INFO the libraries log every packet with its content."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.ERROR)
    return logger


def _bind(app: Flask) -> None:
    """Register handlers at the server itself: Flask-SocketIO would load the session each time."""
    from chat.realtime.incoming import events, handlers

    server = socketio.server

    def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        eio_sid = server.manager.eio_sid_from_sid(sid, open_sockets.NAMESPACE)
        events.handshake(app, handlers.connect, sid, eio_sid, environ, auth)

    def disconnect(sid: str, reason: Any = None) -> None:
        handlers.disconnect(sid)

    server.on("connect", connect)
    server.on("disconnect", disconnect)
    for event in events.table:
        server.on(event, partial(events.dispatch, app, event))


def _missed(app: Flask) -> None:
    """After lost events of other processes: check all sockets here, let their browsers catch up."""
    from chat.realtime.incoming import reconcile

    reconcile.look_at_all()
    broadcasts.system(_mode(), resync=True)


def _others_missed() -> None:
    """After lost events of this process: let the browsers of all processes catch up.

    Not while a process is cut off: then all browsers poll, and their own process tells them when
    that ends.
    """
    if isolation.all_heard():
        broadcasts.system(protocol.MODE_NORMAL, everywhere=True, resync=True)


def _mode() -> str:
    """Normal if the events of all processes arrive here, else degraded.

    A working Redis is not enough, because other processes may not use it yet.
    """
    return protocol.MODE_NORMAL if isolation.all_heard() else protocol.MODE_DEGRADED


def _mode_changed(up: bool) -> None:
    broadcasts.system(_mode())


def _cut_off_elsewhere(must_ask: bool) -> None:
    """Tell browsers to poll while another process is cut off, because its events do not arrive."""
    if redis.is_up() or not redis.enabled:
        broadcasts.system(_mode(), resync=not must_ask)
