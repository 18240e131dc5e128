"""The Flask class of this product, without per-request work of Flask that it does not need."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.ctx import RequestContext

from chat.logging import setup as logging_setup


class Context(RequestContext):
    """A request context that matches the URL only once, even if the session needs it earlier."""

    def match_request(self) -> None:
        if self.request.url_rule is None and self.request.routing_exception is None:
            super().match_request()


class App(Flask):
    """Flask with ``Context`` and without coroutine views."""

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        return Context(self, environ)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # no view is a coroutine; Flask would check about twenty times a request

    def log_exception(self, exc_info: Any) -> None:
        self.logger.error(
            "%s failed", logging_setup.route(), exc_info=exc_info
        )  # Flask would log the path
