"""Times requests, by route, class of status and outcome of the cache.

It is the outermost middleware, so the time includes the wait for a turn. The route is found further
inside and left in the WSGI environment. Sockets are not timed, because they last as long as a tab.
"""

from collections.abc import Iterable
from time import perf_counter
from typing import Any

from flask import Flask, Response, g, request

from chat.monitoring import endpoint as metrics_endpoint
from chat.telemetry import registry
from chat.telemetry.events import ANSWERED, ROUTE, SEEN
from chat.telemetry.metric_types import Switch

Headers = list[tuple[str, str]]

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CLASSES = {"1": "1xx", "2": "2xx", "3": "3xx", "4": "4xx", "5": "5xx"}
ANSWERS = frozenset(("hit", "miss", "bypass", "down"))
NOWHERE = "(none)"  # an unknown route, or refused before routing


class Timed:
    """Middleware: times requests, and answers /metrics."""

    def __init__(self, app: Flask, wrapped: Any) -> None:
        self._app, self._wrapped = app, wrapped

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == metrics_endpoint.PATH:
            return metrics_endpoint.answer(self._app, environ)(environ, start_response)
        if not Switch.on or path.startswith("/socket.io/"):
            return self._wrapped(environ, start_response)
        began, told = perf_counter(), "500"
        seen: dict[str, str] = {}
        environ[SEEN] = seen

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            nonlocal told
            told = status
            if ANSWERED not in seen:
                for name, value in headers:
                    if name == "X-Cache":
                        seen[ANSWERED] = value
                        break
            return start_response(status, headers, exc_info)

        try:
            return self._wrapped(environ, start)
        finally:
            method, answered = environ["REQUEST_METHOD"], seen.get(ANSWERED)
            registry.REQUESTS.observe(
                perf_counter() - began,
                method if method in METHODS else "other",
                seen.get(ROUTE, NOWHERE),
                CLASSES.get(told[:1], "5xx"),
                answered if answered in ANSWERS else "none",
            )


def name_route(endpoint: str | None, values: Any) -> None:
    """Tell the middleware the route of this request; for `url_value_preprocessor`."""
    seen, rule = request.environ.get(SEEN), request.url_rule
    if seen is not None and rule is not None:
        seen[ROUTE] = rule.rule


def tell_outcome(response: Response) -> Response:
    """Tell the middleware how the caches answered a page; for `after_request`.

    Pages have no X-Cache header.
    """
    seen = request.environ.get(SEEN, {})
    if request.method == "GET" and request.blueprint and not request.path.startswith("/api/"):
        answered = g.get("x_cache")
        if answered:
            seen[ANSWERED] = answered
    return response
