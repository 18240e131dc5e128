"""The Flask class of this product, without what Flask does for nobody here at each request."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.ctx import RequestContext

from chat.logging import setup as logging_setup


class Context(RequestContext):
    """A request whose address is looked up once, before its session or after."""

    def match_request(self) -> None:
        if self.request.url_rule is None and self.request.routing_exception is None:
            super().match_request()


class App(Flask):
    """Flask, with that context, and without what this product does not use."""

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        return Context(self, environ)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # nothing here is a coroutine, and Flask looks some twenty times a request

    def log_exception(self, exc_info: Any) -> None:
        self.logger.error(
            "%s failed", logging_setup.route(), exc_info=exc_info
        )  # Flask's has the path
