"""Logging: readable lines in development, one JSON object a line in production.

Each line carries the id of the request or socket event that it was written in, and of the person
who made it. Nothing secret is written, and nothing that people say: a request is named by its
route, never by its path, query or body.
"""

import json
import logging
import logging.config
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import gevent.hub
from flask import Flask, Response, current_app, g, has_request_context, request

from chat.logging.redaction import trace
from chat.request.url_path import is_within

log = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
QUIET = ("/health", "/static", "/metrics")
WHOSE = ("request_id", "user_id")
_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", *WHOSE}


class Whose(logging.Filter):
    """Gives each record the ids of the request and of the person, unless it brings its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, find in zip(WHOSE, (current_id, current_user_id), strict=True):
            if not hasattr(record, name):
                setattr(record, name, find())
        return True


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, whose it is and the record's extras."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: found for name in WHOSE if (found := getattr(record, name, None))}
        line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info and record.exc_info[1]:
            line["exception"] = trace(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


class Readable(logging.Formatter):
    """`12:00:01 warning chat.redis: text key=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return trace(ei[1]) if ei[1] else ""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        extras = {key: value for key, value in vars(record).items() if key not in _PLAIN}
        extras |= {name: found for name in WHOSE if (found := getattr(record, name, None))}
        text = super().formatMessage(record)
        return text + "".join(f" {key}={value}" for key, value in extras.items())


def settings_for(config: Mapping[str, Any]) -> dict[str, Any]:
    """The logging configuration, for this process and for gunicorn's own loggers."""
    level = str(config["LOG_LEVEL"]).upper()
    through_root: dict[str, Any] = {"handlers": [], "propagate": True, "level": level}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"whose": {"()": Whose}},
        "formatters": {"line": {"()": JsonLines if config["PRODUCTION"] else Readable}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "line",
                "filters": ["whose"],
            }
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "gunicorn.error": through_root,
            # It would write paths, and with them invite codes.
            "gunicorn.access": {"handlers": [], "propagate": False, "level": "CRITICAL"},
            # Each says what the guarded code around it reports already, once a failure.
            "socketio": {"level": "WARNING"},
            "engineio": {"level": "WARNING"},
            "pymongo": {"level": "WARNING"},
            "werkzeug": {"level": "WARNING"},
        },
    }


def init_app(app: Flask) -> None:
    """Set the log up and give every request an id, which the answer carries back."""
    if not app.testing:
        logging.config.dictConfig(settings_for(app.config))
        logging.captureWarnings(True)
        gevent.hub.Hub.print_exception = _greenlet_failed


def current_id() -> str | None:
    """The id of the request or socket event being served, if one is; of the latter, one of ours."""
    return str(g.setdefault("request_id", _new_id())) if has_request_context() else None


def current_user_id() -> str | None:
    """Who makes the request being served, as far as that is known yet."""
    return g.get("subject") or None if has_request_context() else None


def request_id(given: str) -> str:
    """What the caller calls the request, if that is fit to be written down, else an id of ours."""
    return given if REQUEST_ID.fullmatch(given) else _new_id()


def _new_id() -> str:
    return secrets.token_hex(8)


def _greenlet_failed(hub: Any, context: Any, kind: Any, error: Any, trace: Any) -> None:
    """A background greenlet ended by an error, which gevent would print over many lines."""
    log.error("%s failed", getattr(context, "name", "a greenlet"), exc_info=(kind, error, trace))


def begin() -> None:
    g.request_id = request_id(request.headers.get("X-Request-ID", ""))
    g.request_began = time.monotonic()


def end(response: Response) -> Response:
    if own := g.get("request_id"):
        response.headers["X-Request-ID"] = own
    if current_app.config.get("LOG_REQUESTS") and not is_within(request.path, QUIET):
        began = g.get("request_began", time.monotonic())
        note(route(), response.status_code, began)
    return response


def route() -> str:
    """What the request is called: its path may hold an invite's code."""
    return f"{request.method} {request.url_rule.rule if request.url_rule else '(none)'}"


def note(name: str, status: int, began: float, **extra: str) -> None:
    """One line about a request that was answered; ``began`` is of the monotonic clock."""
    took = round((time.monotonic() - began) * 1000, 1)
    log.info("%s", name, extra={"status": status, "ms": took, **extra})
