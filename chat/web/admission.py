"""Lets requests wait for their turn before they take anything, and refuses when that takes long."""

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from flask import Flask

from chat.auth import devices
from chat.request.concurrency import MOST, PATIENCE, SPARE, STRANGERS, Busy, afterwards, turns
from chat.web import request_body, streamed_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

STRANGERS_PATIENCE = 2.0  # they may have to wait for the check of their password as well
MOST_STRANGERS = 40  # that wait; more are refused at once
# These cost next to nothing, must answer whatever else is going on, or last as long as a socket.
AT_ONCE, AT_ONCE_BELOW = ("/health", "/metrics"), ("/health/", "/static/", "/socket.io/")


def wait_for_turn(app: Flask, wrapped: "WSGIApplication") -> "WSGIApplication":
    """Middleware: at most so many requests at once; 503 for who waited too long."""
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


@contextmanager
def _body(app: Flask, environ: dict[str, Any]) -> Iterator[None]:
    """The body in its place: whole, or as it arrives for a route that streams it."""
    most, proxies = app.config["MAX_CONTENT_LENGTH"], app.config["TRUSTED_PROXIES"]
    if not streamed_body.is_streamed(environ):
        with request_body.held(environ, most, proxies):
            yield
        return
    end = streamed_body.begin(environ, proxies)
    try:
        yield
    finally:
        end()


def _turn(app: Flask, environ: dict[str, Any]) -> AbstractContextManager[None]:
    """A turn; one behind the others for a stranger who logs in."""
    if devices.is_log_in_of_a_stranger(app, environ):
        return turns.taken(STRANGERS_PATIENCE, STRANGERS, MOST_STRANGERS)
    return turns.taken(PATIENCE)


def _needs_no_turn(path: str) -> bool:
    return path in AT_ONCE or path.startswith(AT_ONCE_BELOW)


def _later(start_response: Any) -> Iterable[bytes]:
    """503 with problem details (RFC 9457): readable for a program, and for a person too."""
    detail = "The server is busy. Try again in a moment."
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503,
               "detail": detail, "error": "busy"}  # fmt: skip
    headers = [("Content-Type", "application/problem+json"), ("Retry-After", "2")]
    start_response("503 Service Unavailable", headers)
    return [json.dumps(problem).encode()]
