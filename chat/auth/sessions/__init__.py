"""Sessions (R1, C4): read from Redis, stored durably in MongoDB.

This module stores, renews and ends sessions, and tells whether one exists.

interface        Flask's side: opens the session of a request and saves it after the response
browser_session  the session object
store            reads, writes and ends a session in Redis and MongoDB
cleanup          removes sessions from Redis: all of one person, and those it was not told about
ids              the secret id of a session, its hash and its encrypted form
recent           remembers which user a session belonged to
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import flask
from flask import current_app, has_request_context
from pymongo.errors import DuplicateKeyError, PyMongoError

from chat import rollout
from chat.auth.sessions import cleanup, store
from chat.auth.sessions.browser_session import BrowserSession
from chat.auth.sessions.ids import SID, sid_hash
from chat.errors import Unavailable, Uncertain
from chat.logging.redaction import went_without_mongo
from chat.models.driver import has_written
from chat.redis import Down, scripts
from chat.redis.client import redis

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


def keep(session: BrowserSession | None = None) -> None:
    """Store the session now instead of after the response. Raises Unavailable if that fails."""
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
        session.stored = False  # it ended during this request
    except PyMongoError as error:
        session.degraded = True
        went_without_mongo(error)
        raise _away() from error
    if session.stored:
        session.modified = False
    else:
        session.clear()


def renew(session: BrowserSession | None = None, goes_on: bool = False) -> None:
    """Give the session a new id and end the old one, so that an id known before is useless.

    ``goes_on``: there was no new log-in, so the session ends no later than the old one would have.
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
    """End the session of this request in Redis and MongoDB. Raises Unavailable if that fails."""
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
    """End all sessions of a person in Redis and MongoDB, except ``except_sid``."""
    try:
        cleanup.end_of_user(user_id, except_sid)
    except PyMongoError as error:
        raise _away() from error


def _away() -> Unavailable:
    """The error to raise if MongoDB is down: Uncertain if this request has written before."""
    return Uncertain() if has_written() else Unavailable()


def current_sid() -> str | None:
    """The id of this request's session; None if it is not stored."""
    session = _current()
    return session.sid if session is not None and session.stored else None


def is_alive(sid: str | None) -> bool:
    """Whether a session exists. True while neither Redis nor MongoDB can answer."""
    if not sid or not SID.match(sid):
        return False
    with contextlib.suppress(PyMongoError):
        return store.load(sid) is not None
    return True


def are_alive(sids: Sequence[str]) -> list[bool]:
    """``is_alive`` for many sessions, with one round trip to Redis."""
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
