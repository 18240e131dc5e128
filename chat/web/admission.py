"""Lets requests wait for a turn before they use any resource; refuses them after some time."""

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from flask import Flask

from chat.auth import known_browsers
from chat.request.client_address import of
from chat.request.concurrency import MOST, PATIENCE, SPARE, STRANGERS, Busy, afterwards, turns
from chat.web import request_body, streamed_body
from chat.web.by_address import ByAddress

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

STRANGERS_PATIENCE = 2.0  # they may have to wait for the check of their password as well
MOST_STRANGERS = 40  # that wait; more are refused at once
MOST_OF_ONE = 15  # of one address, those at work included
# These cost next to nothing, must answer whatever else is going on, or last as long as a socket.
AT_ONCE, AT_ONCE_BELOW = ("/health", "/metrics"), ("/health/", "/static/", "/socket.io/")

_strangers = ByAddress(MOST_OF_ONE, Busy)


def wait_for_turn(app: Flask, wrapped: "WSGIApplication") -> "WSGIApplication":
    """Middleware: limits the requests in progress; 503 for a request that waited too long."""
    turns.resize(min(MOST, app.config["REDIS_CONNECTIONS"] - SPARE))

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if _needs_no_turn(environ["PATH_INFO"]):
            return wrapped(environ, start_response)
        try:
            with _body(app, environ), _turn(app, environ):
                return wrapped(environ, start_response)
        except (Busy, request_body.TooMany):
            return _later(start_response)
        finally:
            for fn in afterwards:
                fn()

    return serve


def _body(app: Flask, environ: dict[str, Any]) -> AbstractContextManager[None]:
    """Provide the body in the environment: complete, or as a stream for routes that declare it."""
    most, proxies = app.config["MAX_CONTENT_LENGTH"], app.config["TRUSTED_PROXIES"]
    if streamed_body.is_streamed(environ):
        return streamed_body.held(environ, proxies)
    return request_body.held(environ, most, proxies)


def _turn(app: Flask, environ: dict[str, Any]) -> AbstractContextManager[None]:
    """A turn. A log-in from an unknown browser waits behind all others."""
    if known_browsers.is_log_in_of_a_stranger(app, environ):
        return _strangers_turn(of(environ, app.config["TRUSTED_PROXIES"]))
    return turns.taken(PATIENCE)


@contextmanager
def _strangers_turn(address: str) -> Iterator[None]:
    """A turn behind all others; one address cannot take all the places there."""
    with (
        _strangers.taken(address),
        turns.taken(STRANGERS_PATIENCE, STRANGERS, MOST_STRANGERS),
    ):
        yield


def _needs_no_turn(path: str) -> bool:
    return path in AT_ONCE or path.startswith(AT_ONCE_BELOW)


def _later(start_response: Any) -> Iterable[bytes]:
    """Answer 503 with problem details (RFC 9457), readable for programs and people."""
    detail = "The server is busy. Try again in a moment."
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503,
               "detail": detail, "error": "busy"}  # fmt: skip
    headers = [("Content-Type", "application/problem+json"), ("Retry-After", "2")]
    start_response("503 Service Unavailable", headers)
    return [json.dumps(problem).encode()]
