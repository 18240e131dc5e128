"""Flask's sessions (R1, C4, R19): read from Redis, stored durably in MongoDB.

A session is a JSON string under ``session:{sid}`` with userId, nickname, role and csrfToken. Every
write goes to MongoDB first. While Redis is down, sessions are read from MongoDB. While both are
down, the answer is 503 without a new cookie, which would log the person out.

An ended session leaves a tombstone in MongoDB and a short-lived mark in Redis
(``ended:{session:…}``), so that a request in progress cannot restore it. A write that Redis was
not told of is marked ``redis_dirty`` and repaired before Redis is trusted again.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import flask
from flask import Flask, Request, Response, request
from flask.sessions import SessionMixin
from flask_session.base import Serializer, ServerSideSession, ServerSideSessionInterface
from pymongo.errors import PyMongoError

from chat.auth.sessions import cleanup, keep, renew, store
from chat.auth.sessions.browser_session import BrowserSession
from chat.auth.sessions.ids import SID
from chat.auth.sessions.recent import callers
from chat.cache import isolation
from chat.errors import Unavailable
from chat.logging.redaction import went_without_mongo
from chat.redis.client import redis
from chat.redis_schema import ownership
from chat.request.handoff import of
from chat.request.url_path import is_within
from chat.telemetry import events as telemetry

log = logging.getLogger(__name__)
COOKIE_LIFE = 31_536_000
Prefetch = Callable[[str], list[Any] | None]
# Paths that need no session and must answer even if Redis and MongoDB are down.
WITHOUT_SESSION = ("/static", "/health", "/metrics", "/favicon.ico")


class JsonOnly(Serializer):
    """A serializer for JSON only. Flask-Session's own falls back to pickle, which can run code."""

    def encode(self, session: ServerSideSession) -> bytes:
        return store.encode(dict(session)).encode()

    def decode(self, serialized_data: bytes) -> dict:
        return store.decode(serialized_data)


class Sessions(ServerSideSessionInterface):
    """The session interface of Flask-Session for Redis and MongoDB."""

    session_class = BrowserSession
    ttl = True

    def __init__(self, app: Flask, prefetch: Prefetch) -> None:
        super().__init__(app, key_prefix=store.PREFIX, permanent=False, sid_length=32,
                         serialization_format="json")  # fmt: skip
        self.serializer = JsonOnly()
        self._prefetch = prefetch

    def open_session(self, app: Flask, request: Request) -> Any:
        saved = request.environ.get("saved_session")
        if saved is not None:  # a Socket.IO event: the session of its connect, without I/O
            return saved
        sid = request.cookies.get(app.config["SESSION_COOKIE_NAME"], "")
        if not SID.match(sid) or is_within(request.path, WITHOUT_SESSION):
            return self._new()
        try:
            data = store.load(sid, self._told(sid, request))
        except PyMongoError as error:
            went_without_mongo(error)
            session = BrowserSession(sid=sid)
            session.degraded = True
            return session
        if data is None:  # an unknown id from a client is never used for a new session
            telemetry.session_lost()
            callers.drop(sid)  # nothing more is done ahead for it
            return self._new()
        session = BrowserSession(data, sid=sid)
        session.stored = True
        return session

    def _told(self, sid: str, request: Request) -> list[Any] | None:
        """The session's answer from Redis: from the response cache, else from the prefetch."""
        passing = of(request.environ)
        told = passing.session if passing else None
        return told or self._prefetch(sid)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not isinstance(session, BrowserSession) or session.degraded:
            return
        if session.accessed and not is_within(request.path, WITHOUT_SESSION):
            response.vary.add("Cookie")  # a static file with it would be fetched again and again
        if session.modified and (session or session.stored):
            try:
                keep(session)
            except Unavailable:
                log.warning("a changed session could not be stored")
                return
        self._send_cookie(app, session, response)

    def _new(self) -> BrowserSession:
        return BrowserSession(sid=self._generate_sid(self.sid_length))

    def _send_cookie(self, app: Flask, session: BrowserSession, response: Response) -> None:
        name = self.get_cookie_name(app)
        place: dict[str, Any] = {
            "path": "/",
            "secure": self.get_cookie_secure(app),
            "httponly": True,
            "samesite": "Lax",
        }
        sent = request.cookies.get(name)
        if session.stored and sent != session.sid:
            # The cookie may live longer than the session: the server checks the lifetime.
            life = COOKIE_LIFE if session.get("userId") else None
            response.set_cookie(name, session.sid, max_age=life, **place)
        elif not session.stored and sent and session.modified:
            response.delete_cookie(name, **place)

    # Storage hooks of Flask-Session; ``open_session`` and ``save_session`` do not use them.

    def _retrieve_session_data(self, store_id: str) -> dict | None:
        return store.load(store_id.removeprefix(store.PREFIX))

    def _delete_session(self, store_id: str) -> None:
        store.end(store_id.removeprefix(store.PREFIX))

    def _upsert_session(
        self, session_lifetime: timedelta, session: ServerSideSession, store_id: str
    ) -> None:
        keep(cast(BrowserSession, session))

    def regenerate(self, session: ServerSideSession) -> None:
        renew(cast(BrowserSession, session))


def init_app(app: Flask, prefetch: Prefetch = lambda sid: None) -> None:
    """Install these sessions; the cookie is secure if the site uses https.

    ``prefetch(sid)`` reads a session together with other values (``chat.web.prefetch``). It returns
    the answer of Redis for the session, or None if it did not ask.
    """
    secure = _behind_https(app)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-session" if secure else "session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_DOMAIN=None,
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,  # it would restore a session that ends meanwhile
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=app.config["TTL_SESSIONS"]),
    )
    app.session_interface = Sessions(app, prefetch)  # type: ignore[assignment]

    def repair() -> bool:
        with app.app_context():
            return cleanup.repair()

    def sweep() -> bool:
        with app.app_context():
            return cleanup.sweep()

    ownership.confirm("session:*", cleanup.known)
    redis.before_recovery(repair)
    redis.regularly(sweep)
    isolation.before_trust(sweep)


def _behind_https(app: Flask) -> bool:
    address = app.config.get("PUBLIC_URL") or ""
    if address:
        return str(address).startswith("https://")
    return bool(app.config.get("PRODUCTION"))


def refuse_when_nobody_knows() -> None:
    if getattr(flask.session, "degraded", False):
        raise Unavailable
