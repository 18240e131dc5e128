"""Health checks answer at once with the result of the last probe, also during outages."""

import signal
import time

import pytest
import requests

from chat.monitoring.status import health
from chat.redis.client import redis
from chat.telemetry import registry
from tests.support.servers import start_mongod
from tests.support.waiting import SECONDS, eventually

QUICK = 0.1  # seconds: the interface's promise for every health answer
PATHS = ("/health", "/health/ready", "/health/mongo", "/health/redis")


def ask(app, path):
    return requests.get(app.url + path, timeout=SECONDS)


def is_quick(app, path):
    """On a machine that is busy with other things one try in many shows it."""
    began = time.monotonic()
    ask(app, path)
    return time.monotonic() - began < QUICK


def said(app):
    """The four answers' codes, in the order of their paths."""
    return tuple(ask(app, path).status_code for path in PATHS)


def all_are_quick(app):
    for path in PATHS:
        eventually(lambda path=path: is_quick(app, path))


def test_a_healthy_app_is_ready(server):
    eventually(lambda: ask(server, "/health/ready").ok)
    assert ask(server, "/health").json() == {"status": "ok"}
    assert ask(server, "/health/ready").json()["status"] == "ok"
    mongo = ask(server, "/health/mongo").json()
    assert mongo["status"] == "up"
    assert mongo["latency_ms"] >= 0
    assert ask(server, "/health/redis").json()["status"] == "up"


def test_without_redis_by_choice_the_app_is_ready_and_says_disabled(launch_app):
    app = launch_app(DISABLE_REDIS="true")
    eventually(lambda: ask(app, "/health/ready").ok)
    assert ask(app, "/health/ready").json()["status"] == "ok"
    answer = ask(app, "/health/redis")
    assert (answer.status_code, answer.json()) == (200, {"status": "disabled"})


def test_a_redis_that_is_gone_degrades_and_its_return_is_noticed(launch_app):
    app = launch_app()
    redis = launch_app.redis[0]
    eventually(lambda: ask(app, "/health/ready").ok)
    redis.kill()
    eventually(lambda: ask(app, "/health/redis").status_code == 503)
    answer = ask(app, "/health/redis")
    assert {"since", "next_retry_s", "error"} <= set(answer.json())
    assert answer.json()["status"] == "down"
    ready = ask(app, "/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    redis.start()
    eventually(lambda: ask(app, "/health/redis").ok)


def test_whichever_store_hangs_is_reported_and_never_waited_for(launch_app, own_mongod):
    app = launch_app(MONGODB_URI=own_mongod.uri)
    redis, mongod = launch_app.redis[0].process.popen, own_mongod.process.popen
    eventually(lambda: said(app) == (200, 200, 200, 200))
    try:
        mongod.send_signal(signal.SIGSTOP)
        eventually(lambda: said(app) == (200, 503, 503, 200))
        assert ask(app, "/health/ready").json()["status"] == "down"
        all_are_quick(app)

        redis.send_signal(signal.SIGSTOP)
        eventually(lambda: said(app) == (200, 503, 503, 503))
        ready = ask(app, "/health/ready").json()
        assert ready.pop("error")
        assert ready == {"status": "down", "mongo": "down", "redis": "down"}
        all_are_quick(app)

        mongod.send_signal(signal.SIGCONT)
        eventually(lambda: said(app) == (200, 200, 200, 503))
        assert ask(app, "/health/ready").json()["status"] == "degraded"
        all_are_quick(app)
    finally:
        for hung in (mongod, redis):
            hung.send_signal(signal.SIGCONT)
    eventually(lambda: ask(app, "/health/ready").json()["status"] == "ok")


def test_health_checks_ask_no_store_and_need_no_session(app, client, trips):
    """Red where somebody waits for a store only now and then, too."""
    assert redis.call(lambda r: r.ping())  # it is there, and would be asked
    app.extensions["chat_status"].mongo.record(None, 0.4)
    client.set_cookie(app.config["SESSION_COOKIE_NAME"], "a" * 43)
    asked_mongo = commands_to_mongo()
    trips.clear()
    for path in (*PATHS, "/metrics"):
        assert client.get(path).status_code == 200, path
    assert trips == []
    assert commands_to_mongo() == asked_mongo


def commands_to_mongo():
    return sum(sum(row[:-1]) for row in registry.MONGO_CALLS.values.values())


def test_since_moves_only_when_the_status_changes():
    probe = health.Probe()
    probe.record("ServerSelectionTimeoutError", None)
    assert probe.report()["status"] == "down"
    probe.since = "then"
    probe.record("ServerSelectionTimeoutError", None)
    assert probe.report()["since"] == "then"
    probe.record(None, 0.4)
    assert probe.report()["since"] != "then"
    assert probe.report()["latency_ms"] == 0.4


def test_before_the_first_probe_the_app_is_not_ready(client):
    assert client.get("/health").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.get_json()["status"]) == (503, "starting")


@pytest.fixture
def own_mongod(tmp_path):
    """A MongoDB that a test may hang."""
    server = start_mongod(tmp_path)
    yield server
    server.stop()
