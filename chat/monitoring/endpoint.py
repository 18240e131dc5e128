"""/metrics: the metrics of all processes of this gunicorn, for authorized readers.

It needs neither MongoDB nor Redis nor a session, so it always answers.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from flask import Flask
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.wrappers import Response

from chat.monitoring import exposition, sampler
from chat.monitoring.shared_dir import together
from chat.request import this_machine

PATH = "/metrics"
REFUSED = "The figures are for those who send METRICS_TOKEN: Authorization: Bearer <token>.\n"
HIDDEN = (
    "The figures are read on the machine itself. To read them from elsewhere, in production or "
    "through a proxy, set METRICS_TOKEN and send it: Authorization: Bearer <token>.\n"
)


def answer(app: Flask, environ: dict[str, Any]) -> Response:
    """The metrics as text, or a refusal (401, 404, 405)."""
    refusal = _refusal(app.config, environ)
    if refusal is not None:
        return refusal
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return _plain("Only GET.\n", 405, Allow="GET, HEAD")
    sampler.look(app)
    return _plain(exposition.write(together()), 200, content_type=CONTENT_TYPE_LATEST)


def _refusal(config: Mapping[str, Any], environ: dict[str, Any]) -> Response | None:
    if token := config.get("METRICS_TOKEN"):
        given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        right = given[0].lower() == "bearer" and _same(given[2].strip(), token)
        bearer = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        return None if right else _plain(REFUSED, 401, **bearer)
    return None if this_machine.asks(config, environ) else _plain(HIDDEN, 404)


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def _plain(
    body: str | bytes, status: int, content_type: str = "text/plain; charset=utf-8", **headers: str
) -> Response:
    made = Response(body, status, content_type=content_type)
    made.headers.update({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
    made.headers.update(headers)
    return made
