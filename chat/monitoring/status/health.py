"""Probes of MongoDB and Redis, and the health answers that report the last probe.

MongoDB is up if we can read and write, and writes reach the majority. A ping would not show that
the server refuses our account.

The probes run in the background, so a health check never waits, even if a server hangs.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import gevent
from flask import Blueprint, Flask, current_app, jsonify
from flask.typing import ResponseReturnValue

from chat.models import Heartbeat
from chat.models.driver import reason
from chat.redis.client import redis

log = logging.getLogger(__name__)

PROBE_SECONDS = 2.0
PROBE_TIMEOUT = 1.0

health = Blueprint("health", __name__, url_prefix="/health")


@dataclass
class Probe:
    """The state of a server and its begin; ``status`` is up, down or starting."""

    status: str = "starting"
    since: str = field(default_factory=lambda: _now())
    latency_ms: float | None = None
    error: str | None = None
    probed_at: float = 0.0
    _changed: float = field(default_factory=time.monotonic)

    def record(self, error: str | None, latency_ms: float | None) -> None:
        """Record a result; ``since`` changes only with the status."""
        status = "down" if error else "up"
        if status != self.status:
            self._tell(status, error)
            self.status, self.since = status, _now()
            self._changed = time.monotonic()
        self.error, self.latency_ms = error, latency_ms
        self.probed_at = time.monotonic()

    def _tell(self, status: str, error: str | None) -> None:
        """Log one line when MongoDB goes down and one when it is back."""
        if status == "down":
            log.error("MongoDB cannot be used (%s): waiting for it", error)
        elif self.status == "down":
            log.warning("MongoDB is back after %.1f s", time.monotonic() - self._changed)

    def report(self) -> dict[str, Any]:
        facts = {"status": self.status, "since": self.since}
        if self.status == "up":
            return {**facts, "latency_ms": self.latency_ms}
        return {**facts, "next_retry_s": self._next_retry(), "error": self.error}

    def _next_retry(self) -> float:
        return round(max(0.0, self.probed_at + PROBE_SECONDS - time.monotonic()), 1)


class Status:
    """The state of one process: its probe, and whether the process is stopping."""

    def __init__(self) -> None:
        self.mongo = Probe()
        self.stopping = False
        self.greenlet: gevent.Greenlet | None = None

    def probe_for_ever(self) -> None:
        while True:
            self.mongo.record(*probe_mongo())
            gevent.sleep(PROBE_SECONDS)


def init_app(app: Flask) -> None:
    """Add the health routes; nothing is probed before ``start``."""
    app.extensions["chat_status"] = Status()
    app.register_blueprint(health)


def start(app: Flask) -> None:
    """Start the probe. Once in each process, after the fork."""
    status: Status = app.extensions["chat_status"]
    status.greenlet = gevent.spawn(status.probe_for_ever)


def stop(app: Flask) -> None:
    """Stop the probe; /health/ready says from now on that this process takes no more work."""
    status: Status = app.extensions["chat_status"]
    status.stopping = True
    if status.greenlet:
        status.greenlet.kill(block=False)


def probe_mongo() -> tuple[str | None, float | None]:
    """A read and a write: (error, None), or (None, milliseconds of the read). Never raises."""
    began = time.monotonic()
    try:
        Heartbeat.read(PROBE_TIMEOUT)
        took = time.monotonic() - began
        Heartbeat.write()
    except Exception as error:  # noqa: BLE001 - after any error it counts as down
        return reason(error), None
    return None, round(took * 1000, 1)


@health.get("")
def alive() -> ResponseReturnValue:
    """Whether the process serves requests."""
    return jsonify(status="ok")


@health.get("/ready")
def ready() -> ResponseReturnValue:
    """Whether to send requests here: MongoDB must be up. Without Redis the chat is only slower."""
    status = _status()
    mongo, door = status.mongo.report(), redis.state()
    parts = {"mongo": mongo["status"], "redis": door["status"]}
    if status.stopping:
        return jsonify(status="stopping", **parts), HTTPStatus.SERVICE_UNAVAILABLE
    if mongo["status"] != "up":
        answer = jsonify(status=mongo["status"], **parts, error=mongo["error"])
        return answer, HTTPStatus.SERVICE_UNAVAILABLE
    return jsonify(status="degraded" if door["status"] == "down" else "ok", **parts)


@health.get("/redis")
def redis_health() -> ResponseReturnValue:
    """The circuit breaker's view of Redis."""
    return _answer(redis.state())


@health.get("/mongo")
def mongo_health() -> ResponseReturnValue:
    """Whether the last read and write of MongoDB succeeded."""
    return _answer(_status().mongo.report())


def _answer(report: dict[str, Any]) -> ResponseReturnValue:
    fine = report["status"] in ("up", "disabled")
    if report["status"] == "disabled":
        report = {"status": "disabled"}
    return jsonify(report), HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE


def _status() -> Status:
    status: Status = current_app.extensions["chat_status"]
    return status


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
