"""Sessions (R1, C4, R19): Redis answers, MongoDB knows.

A session is a JSON string under ``session:{sid}`` with userId, nickname, role and csrfToken. Every
write goes to MongoDB first. When Redis is gone, sessions are read from MongoDB and nobody notices.
When both are gone the answer is 503, and never a new cookie, which would log the person out.

Ending a session leaves a tombstone in MongoDB and a short one in Redis (``ended:{session:…}``), so
that a request that was under way at the time cannot bring it back. A write that Redis could not be
told of is marked ``redis_dirty`` and repaired before Redis is trusted again.
"""

import contextlib
import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import flask
from flask import Flask, Request, Response, current_app, has_request_context, request
from flask.sessions import SessionMixin
from flask_session.base import Serializer, ServerSideSession, ServerSideSessionInterface
from pymongo.errors import DuplicateKeyError, PyMongoError

from chat import rollout
from chat.auth.sessions import cleanup as session_cleanup
from chat.auth.sessions import store
from chat.auth.sessions.ids import sid_hash
from chat.cache import isolation
from chat.errors import Unavailable, Uncertain
from chat.logging.redaction import went_without_mongo
from chat.models.driver import has_written
from chat.redis import Down, scripts
from chat.redis.client import redis
from chat.redis_schema import ownership
from chat.request.handoff import of
from chat.request.path import is_within
from chat.telemetry import events as telemetry

__all__ = [
    "are_alive",
    "current_sid",
    "end_all",
    "end_current",
    "is_alive",
    "keep",
    "renew",
    "sid_hash",
]

log = logging.getLogger(__name__)
SID = re.compile(r"[A-Za-z0-9_-]{43}\Z")
COOKIE_LIFE = 31_536_000
Prefetch = Callable[[str], list[Any] | None]
# These answer without knowing who asks, and must answer when no store does.
WITHOUT_SESSION = ("/static", "/health", "/metrics", "/favicon.ico")


class BrowserSession(ServerSideSession):
    """A session; empty ones exist nowhere but in this request."""

    stored = False  # MongoDB has it
    since: datetime | None = None  # the log-in of the session that it goes on from
    degraded = False  # no store could say what is in it

    def clear(self) -> None:
        """Empty it; the base class would leave a mark of its own inside."""
        for name in list(self):
            del self[name]


class JsonOnly(Serializer):
    """JSON and nothing else: the stock decoder falls back to pickle, which runs code."""

    def encode(self, session: ServerSideSession) -> bytes:
        return store.encode(dict(session)).encode()

    def decode(self, serialized_data: bytes) -> dict:
        return store.decode(serialized_data)


class Sessions(ServerSideSessionInterface):
    """Flask-Session's interface over two stores."""

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
        if data is None:  # an id that somebody made up is never taken over
            telemetry.session_lost()
            return self._new()
        session = BrowserSession(data, sid=sid)
        session.stored = True
        return session

    def _told(self, sid: str, request: Request) -> list[Any] | None:
        """What Redis has said in this request, or says together with what else is asked for."""
        passing = of(request.environ)
        told = passing.session if passing else None
        return told or self._prefetch(sid)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not isinstance(session, BrowserSession) or session.degraded:
            return
        if session.accessed:
            response.vary.add("Cookie")
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
            # How long it counts is the server's business; a dead id opens nothing.
            life = COOKIE_LIFE if session.get("userId") else None
            response.set_cookie(name, session.sid, max_age=life, **place)
        elif not session.stored and sent and session.modified:
            response.delete_cookie(name, **place)

    # Flask-Session's own storage hooks; the two methods above do not come here.

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
    """Use these sessions, with a cookie that fits how the site is reached.

    ``prefetch(sid)`` asks Redis for a session and for more in the same round trip, if it can
    (``chat.web.prefetch``); it returns what Redis said, or None if it did not ask.
    """
    from chat.redis.client import redis

    secure = _behind_https(app)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-session" if secure else "session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_DOMAIN=None,
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,  # would bring back a session that ends meanwhile
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=app.config["TTL_SESSIONS"]),
    )
    app.session_interface = Sessions(app, prefetch)  # type: ignore[assignment]

    def repair() -> bool:
        with app.app_context():
            return session_cleanup.repair()

    def sweep() -> bool:
        with app.app_context():
            return session_cleanup.sweep()

    ownership.confirm("session:*", session_cleanup.known)
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


def keep(session: BrowserSession | None = None) -> None:
    """Store the session now rather than after the response; raises Unavailable if that fails."""
    session = session if session is not None else _current()
    if session is None or session.degraded:
        raise Unavailable
    try:
        if not session and session.stored:
            store.end(session.sid)
            session.stored = False
            return
        session.stored = store.write(session.sid, dict(session), not session.stored, session.since)
    except DuplicateKeyError:
        session.stored = False  # ended while this request ran
    except PyMongoError as error:
        session.degraded = True
        went_without_mongo(error)
        raise _away() from error
    if session.stored:
        session.modified = False
    else:
        session.clear()


def renew(session: BrowserSession | None = None, goes_on: bool = False) -> None:
    """A new id, and the old one dead: what was known before a log-in is worth nothing after it.

    ``goes_on``: nobody has logged in anew, so it ends no later than the old one would have.
    """
    session = session if session is not None else _current()
    if session is None:
        return
    if session.stored:
        session.since = _since(session.sid) if goes_on else None
        _end(session.sid)
    session.sid = current_app.session_interface._generate_sid(32)  # type: ignore[attr-defined]
    session.stored, session.modified = False, True


def end_current() -> None:
    """End the session of this request in both stores; raises Unavailable if it would live on."""
    session = _current()
    if session is None:
        return
    renew(session)
    session.clear()


def _end(sid: str) -> None:
    try:
        store.end(sid)
    except PyMongoError as error:
        raise _away() from error


def _since(sid: str) -> datetime | None:
    try:
        return store.since(sid)
    except PyMongoError as error:
        raise _away() from error


def end_all(user_id: str, except_sid: str | None = None) -> None:
    """End every session of a person, in both stores, except perhaps the one that asks."""
    try:
        session_cleanup.end_of_user(user_id, except_sid)
    except PyMongoError as error:
        raise _away() from error


def _away() -> Unavailable:
    """What to raise when MongoDB has gone: something else may have been written before."""
    return Uncertain() if has_written() else Unavailable()


def current_sid() -> str | None:
    """The id of this request's session, if it is one that is stored."""
    session = _current()
    return session.sid if session is not None and session.stored else None


def is_alive(sid: str | None) -> bool:
    """Whether a session still stands. While no store answers it gets the benefit of the doubt."""
    if not sid or not SID.match(sid):
        return False
    with contextlib.suppress(PyMongoError):
        return store.load(sid) is not None
    return True


def are_alive(sids: Sequence[str]) -> list[bool]:
    """The same of many, asked of Redis in one round trip."""
    asked = [sid for sid in sids if SID.match(sid) and rollout.in_rollout("sessions", sid)]
    calls = [store.call(sid) for sid in asked]
    told = redis.call(lambda client: scripts.run_all(client, calls), "sessions") if calls else []
    read = {} if isinstance(told, Down) else dict(zip(asked, told, strict=True))
    return [_stands(sid, read.get(sid)) for sid in sids]


def _stands(sid: str, read: list[Any] | None) -> bool:
    with contextlib.suppress(PyMongoError):
        return bool(SID.match(sid)) and store.load(sid, read) is not None
    return True


def _current() -> BrowserSession | None:
    if not has_request_context():
        return None
    session = flask.session._get_current_object()  # type: ignore[attr-defined]
    return session if isinstance(session, BrowserSession) else None
