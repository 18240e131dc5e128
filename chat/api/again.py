"""The same answer again, after one round trip has shown that it would be the same (R18, R23).

An answer is kept together with its basis (``chat.cache.basis``): the version of every cached value
that went into it. The next time the same session asks the same, one pipeline asks Redis for the
session, the caller's count of calls and those versions. If nothing has changed the kept answer is
given, without going through Flask; otherwise everything is done as if there were none. So the
promise is the caches' own: nothing older than the last acknowledged write.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask

from chat import limits, logs, rollout, session_store
from chat.cache import outages
from chat.cache.basis import Basis
from chat.extensions import redis
from chat.limits import PASSED
from chat.redis import Down, scripts
from chat.services import activity

MOST_BYTES = 16_000_000
BESIDE_BODY = 4_000  # about what an answer takes beside its body and its address
MOST_SECONDS = 30.0
# What belongs to one answer only.
OWN = ("x-request-id", "set-cookie", "content-length", "date")

# KEYS: the session.
SESSION = "return {redis.call('GET', KEYS[1]), redis.call('TTL', KEYS[1])}"

Key = tuple[str, ...]
Headers = list[tuple[str, str]]


@dataclass
class Answer:
    """A whole answer and all that it depends on."""

    body: bytes
    etag: str
    basis: Basis
    user_id: str
    session: dict
    route: str
    headers: Headers
    until: float = 0.0


@dataclass
class Passing:
    """What this module and Flask tell each other about one request, in its WSGI environment."""

    counted: bool = False  # the call has been counted already
    answer: Answer | None = None  # may be given again


class Kept:
    """The answers given last, bounded by their bytes together."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._kept: OrderedDict[Key, Answer] = OrderedDict()
        self._most, self._size = most, 0

    def get(self, key: Key) -> Answer | None:
        """What was answered, if that was a moment ago."""
        answer = self._kept.get(key)
        if answer is None or answer.until < time.monotonic():
            self.drop(key)
            return None
        self._kept.move_to_end(key)
        return answer

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer for half a minute at most."""
        self.drop(key)
        answer.until = time.monotonic() + MOST_SECONDS
        self._kept[key] = answer
        self._size += _size(key, answer)
        while self._size > self._most:
            self._size -= _size(*self._kept.popitem(last=False))

    def drop(self, key: Key) -> None:
        """Forget one."""
        answer = self._kept.pop(key, None)
        self._size -= _size(key, answer) if answer else 0

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._size = 0


def init_app(app: Flask) -> None:
    """Stand before Flask, and behind what finds out how the caller came (``chat.security``)."""
    app.wsgi_app = Again(app)  # type: ignore[method-assign]


class Again:
    """Stands before Flask and answers GET requests of the API that it has answered before."""

    def __init__(self, app: Flask) -> None:
        self._app, self._wrapped, self._kept = app, app.wsgi_app, Kept()
        self._cookie = re.compile(
            rf"(?:^|;\s*){re.escape(app.config['SESSION_COOKIE_NAME'])}=([A-Za-z0-9_-]{{43}})(?:;|$)"
        )
        redis.on_change(lambda up: self._kept.clear())

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        key = self._key(environ)
        if key is None:
            return self._wrapped(environ, start_response)
        began, answer = time.monotonic(), self._kept.get(key)
        passing = environ[PASSED] = Passing()
        if answer is not None and self._still(key[0], answer, passing):
            request_id = logs.request_id(environ.get("HTTP_X_REQUEST_ID", ""))
            status = _give(answer, environ, start_response, request_id)
            if self._app.config["LOG_REQUESTS"]:
                logs.note(answer.route, status, began, request_id=request_id)
            return [answer.body] if status == 200 else []

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            self._keep(key, passing.answer, status, headers)
            return start_response(status, headers, exc_info)

        return self._wrapped(environ, start)

    def _key(self, environ: dict[str, Any]) -> Key | None:
        """Who asks for what; None for what is never kept."""
        if environ["REQUEST_METHOD"] != "GET" or not environ["PATH_INFO"].startswith("/api/"):
            return None
        session = self._cookie.search(environ.get("HTTP_COOKIE", ""))
        if session is None or "HTTP_AUTHORIZATION" in environ:
            return None
        if not redis.is_up() or outages.elsewhere():
            return None
        with self._app.app_context():
            if not rollout.in_rollout("sessions", session[1]):
                return None
        # An answer that began under other percentages is not found any more.
        place = (environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""), str(rollout.version()))
        return (session[1], environ["PATH_INFO"], environ.get("QUERY_STRING", ""), *place)

    def _still(self, sid: str, answer: Answer, passing: Passing) -> bool:
        with self._app.app_context():
            calls = [
                (SESSION, [session_store.PREFIX + sid], []),
                limits.api_call(answer.user_id),
                *answer.basis.calls(),
            ]
            told = redis.call(lambda client: scripts.run_all(client, calls), "the same again")
            if isinstance(told, Down):
                return False
            (text, left), count, *versions = told
            if not limits.within_api(count):
                return False  # Flask counts it again and says how long to wait
            if text is None or not session_store.is_same(text, answer.session):
                return False  # whoever comes with it now is counted as whoever that is
            passing.counted = True
            return answer.basis.holds(versions) and session_store.slide(sid, answer.session, left)

    def _keep(self, key: Key, answer: Answer | None, status: str, headers: Headers) -> None:
        if answer is None or not status.startswith("200"):
            return
        if all(name.lower() != "set-cookie" for name, _ in headers):
            answer.headers = [h for h in headers if h[0].lower() not in OWN]
            self._kept.put(key, answer)


def _size(key: Key, answer: Answer) -> int:
    """About the bytes that a kept answer takes: whoever asks chooses the length of the address."""
    return len(answer.body) + BESIDE_BODY + sum(map(len, key))


def _give(answer: Answer, environ: dict[str, Any], start_response: Any, request_id: str) -> int:
    """Begin the answer; its status: 304 for a caller that has it already (RFC 9110, 13.1.2)."""
    activity.touch(answer.user_id)
    headers = [*answer.headers, ("X-Request-ID", request_id)]
    if f'"{answer.etag}"' in environ.get("HTTP_IF_NONE_MATCH", ""):
        start_response("304 NOT MODIFIED", [h for h in headers if h[0] != "Content-Type"])
        return 304
    start_response("200 OK", [*headers, ("Content-Length", str(len(answer.body)))])
    return 200
