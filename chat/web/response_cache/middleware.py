"""Middleware that reuses an API answer after one round trip has verified it (R18, R23).

An answer is stored with its basis (``chat.cache.response_dependencies``): the version of every
cached value it was made from. For the next equal request, one pipeline reads the caller's session,
counts the call, and checks the versions of the caller's profile and of all those values. If none
has changed, the stored answer is sent without Flask. Otherwise Flask handles the request as usual.
So an answer is never older than the last acknowledged write, as with all caches.

Most answers are for one person. Answers of routes declared ``alike`` are for all signed-in people,
unless a part of the answer depends on the caller (``response_dependencies.for_caller``).
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask

from chat import rollout
from chat.auth.sessions import store as session_store
from chat.auth.sessions.recent import callers
from chat.cache import isolation
from chat.cache.process_copies import Copy, copies
from chat.logging import setup as logging_setup
from chat.redis import Down, scripts
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.request.handoff import KEY, Passing
from chat.telemetry import events as telemetry
from chat.web import compression, rate_limits
from chat.web.content_encoding import PLAIN
from chat.web.response_cache import store
from chat.web.response_cache.store import CachedResponse, Headers, Key, Offer

# Headers that belong to one answer only; they are not stored.
OWN = ("x-request-id", "set-cookie", "content-length", "content-encoding", "date")
EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class CacheableRequest:
    """A request that may be answered from the cache.

    ``sid``: its session id. ``place``: what is requested. ``user_id`` and ``profile``: the likely
    caller and a copy of their profile, not verified yet.
    """

    sid: str
    place: Key
    user_id: str | None
    profile: Copy | None

    def key(self, alike: bool) -> Key:
        """The key of its answer in the store."""
        return (EVERYBODY if alike else self.user_id or "", *self.place)


class ResponseCache:
    """Middleware: answers GET requests of the API that Flask has answered before.

    Calls ``touch(user_id)`` for each person it answers.
    """

    def __init__(self, app: Flask, wrapped: Any, touch: Callable[[str], None]) -> None:
        self._app, self._wrapped, self._touch = app, wrapped, touch
        self._kept = store.new()
        self._cookie = re.compile(
            rf"(?:^|;\s*){re.escape(app.config['SESSION_COOKIE_NAME'])}=([A-Za-z0-9_-]{{43}})(?:;|$)"
        )
        redis.on_change(lambda up: self._kept.clear())

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = self._asked(environ)
        if asked is None:
            return self._wrapped(environ, start_response)
        began, passing = time.monotonic(), Passing()
        environ[KEY] = passing
        answer = self._found(asked)
        if answer is not None and self._still(asked, answer, passing):
            request_id = logging_setup.request_id(environ.get("HTTP_X_REQUEST_ID", ""))
            telemetry.again(environ, answer)
            self._touch(asked.user_id or "")
            status, body = self._give(answer, asked, environ, start_response, request_id)
            if self._app.config["LOG_REQUESTS"]:
                user = asked.user_id or ""
                logging_setup.note(answer.route, status, began, request_id=request_id, user_id=user)
            return [body] if body else []

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            self._keep(asked, passing.offer, status, headers)
            return start_response(status, headers, exc_info)

        return self._wrapped(environ, start)

    def _asked(self, environ: dict[str, Any]) -> CacheableRequest | None:
        """The cacheable request; None if the request is never cached."""
        if environ["REQUEST_METHOD"] != "GET" or not environ["PATH_INFO"].startswith("/api/"):
            return None
        session = self._cookie.search(environ.get("HTTP_COOKIE", ""))
        if session is None or "HTTP_AUTHORIZATION" in environ:
            return None
        if not redis.is_up() or isolation.elsewhere():
            return None
        # The rollout version in the key hides answers made under other percentages.
        place = (
            environ["PATH_INFO"], environ.get("QUERY_STRING", ""), environ["wsgi.url_scheme"],
            environ.get("HTTP_HOST", ""), str(rollout.version()),
        )  # fmt: skip
        user_id = callers.get(session[1])
        profile = copies.get(keys.profile(user_id)) if user_id else None
        return CacheableRequest(session[1], place, user_id, profile)

    def _found(self, asked: CacheableRequest) -> CachedResponse | None:
        if asked.profile is None:
            return None
        return self._kept.get(asked.key(alike=True)) or self._kept.get(asked.key(alike=False))

    def _still(self, asked: CacheableRequest, answer: CachedResponse, passing: Passing) -> bool:
        """Verify in one round trip that the answer is current and that the caller may get it."""
        user_id, profile = asked.user_id, asked.profile
        if user_id is None or profile is None or profile.version is None:
            return False
        basis = answer.basis.beside(keys.profile(user_id), profile.version)
        if basis is None:
            return False
        with self._app.app_context():
            if not _in_all_rollouts(asked.sid, user_id):
                return False
            calls = [
                session_store.call(asked.sid),
                rate_limits.api_call(user_id),
                *basis.calls(),
            ]
            told = redis.call(lambda client: scripts.run_all(client, calls), "the same again")
            if isinstance(told, Down):
                return False
            passing.session, count, *versions = told
            text, left = told[0]
            if not rate_limits.within_api(count):
                return False  # Flask counts it again and says how long to wait
            session = session_store.decode_cached(text)
            if session is None or session.get("userId") != user_id:
                callers.drop(asked.sid)  # the session is gone or belongs to another user
                return False
            passing.counted = True
            if not basis.holds(versions) or not _may_act(session, profile.value):
                passing.same = basis.held(versions)
                return False
            if session_store.slide(asked.sid, left):
                return True
            passing.session = None  # the session has ended
            return False

    def _keep(
        self, asked: CacheableRequest, offer: Offer | None, status: str, headers: Headers
    ) -> None:
        if offer is None or not status.startswith("200"):
            return
        if all(name.lower() != "set-cookie" for name, _ in headers):
            offer.answer.headers = [h for h in headers if h[0].lower() not in OWN]
            owner = EVERYBODY if offer.alike else offer.user_id
            key = (owner, *asked.place)
            self._kept.put(key, offer.answer, store.size_of(key, offer.answer))

    def _give(
        self,
        answer: CachedResponse,
        asked: CacheableRequest,
        environ: dict[str, Any],
        start_response: Any,
        request_id: str,
    ) -> tuple[int, bytes]:
        """Start the response; its status and body, 304 if the client has it (RFC 9110, 13.1.2)."""
        headers = [*answer.headers, ("X-Request-ID", request_id)]
        if f'"{answer.etag}"' in environ.get("HTTP_IF_NONE_MATCH", ""):
            start_response("304 NOT MODIFIED", [h for h in headers if h[0] != "Content-Type"])
            return 304, b""
        encoding = compression.encoding_for(compression.accepted(environ), len(answer.body))
        body = answer.body
        if encoding != PLAIN:
            body = answer.compressed.get(encoding) or self._compressed(answer, asked, encoding)
            headers.append(("Content-Encoding", encoding))
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return 200, body

    def _compressed(self, answer: CachedResponse, asked: CacheableRequest, encoding: str) -> bytes:
        """The body in this encoding, kept for the next request."""
        body = answer.compressed[encoding] = compression.compress(encoding, answer.body)
        for key in (asked.key(alike=True), asked.key(alike=False)):
            if self._kept.get(key) is answer:
                self._kept.resize(key, store.size_of(key, answer))
        return body


def _in_all_rollouts(sid: str, user_id: str) -> bool:
    """Whether all features are read from Redis for this caller, as for the stored answer."""
    return rollout.in_rollout("sessions", sid) and all(
        rollout.in_rollout(feature, user_id) for feature in rollout.FEATURES[1:]
    )


def _may_act(session: dict, profile: dict | None) -> bool:
    """The check of ``chat.auth.current_user``: active, and no password change since the log-in."""
    if profile is None or not profile["active"]:
        return False
    return bool(session.get("auth_gen", 0) == profile["auth_gen"])
