"""/metrics: right sums over several workers, access control, and answers during outages."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import requests

from chat.monitoring.shared_dir import PREFIX
from tests.monitoring.scrape import Scrape, ask, scrape
from tests.support.people import Person
from tests.support.servers import start_mongod
from tests.support.waiting import eventually

TOKEN = "a token that nobody can guess"
REQUESTS = "chat_http_request_duration_seconds_count"
QUICK = 0.1
ANSWERS_WHILE_BOTH_HANG = {
    "/metrics": 200, "/health": 200, "/health/ready": 503, "/health/redis": 503,
    "/health/mongo": 503,
}  # fmt: skip


def answered(site, route="/settings"):
    return scrape(site.url).of(REQUESTS, route=route, method="GET")


def workers(app):
    return psutil.Process(app.process.pid).children()


def folder_of(app):
    """Where its processes leave their figures: the master holds the lock in there."""
    held = psutil.Process(app.process.pid).open_files()
    return next(Path(f.path).parent for f in held if PREFIX in f.path)


def test_the_workers_of_one_gunicorn_are_counted_together_and_a_killed_one_is_not_forgotten(
    launch_app,
):
    app = launch_app(WEB_CONCURRENCY="2")
    person = Person(app.url).set_up()
    for _ in range(30):  # of two workers both answer some
        requests.get(f"{app.url}/login", timeout=30)
    total = eventually(lambda: (n := answered(app, "/login")) >= 30 and n)
    eventually(lambda: scrape(app.url).of("chat_worker_processes") == 2)
    tabs = [person.again().tab() for _ in range(6)]
    eventually(lambda: scrape(app.url).of("chat_sockets_open") == 6)
    victim = max(workers(app), key=lambda w: len(w.net_connections()))
    seen = [answered(app, "/login")]
    os.kill(victim.pid, signal.SIGKILL)
    eventually(lambda: victim.pid not in [w.pid for w in workers(app)])
    eventually(lambda: scrape(app.url).of("chat_sockets_open") < 6)  # how it stood is over
    for _ in range(20):
        seen.append(answered(app, "/login"))
    assert seen == sorted(seen)  # a counter that goes back is a peak in every graph
    assert seen[-1] >= total
    eventually(lambda: scrape(app.url).of("chat_worker_processes") == 2)
    folder = folder_of(app)
    assert len(list(folder.glob("*.json"))) <= 3
    for tab in tabs:
        tab.close()
    app.stop()
    assert not folder.exists()


def test_one_process_without_gunicorn_tells_its_own_figures(app, client):
    assert client.get("/login").status_code in (200, 302)
    told = Scrape(client.get("/metrics").text)
    assert told.of(REQUESTS, route="/login") == 1
    assert told.of("chat_worker_processes") == 1
    assert told.of("chat_build_info") == 1


def test_without_a_token_only_callers_on_the_machine_may_read(server, app, client):
    assert ask(server.url).status_code == 200
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        answer = ask(server.url, **{header: "127.0.0.1"})
        assert (answer.status_code, "METRICS_TOKEN" in answer.text) == (404, True)
        assert "chat_" not in answer.text
    elsewhere = client.get("/metrics", environ_overrides={"REMOTE_ADDR": "10.0.0.7"})
    assert (elsewhere.status_code, "METRICS_TOKEN" in elsewhere.text) == (404, True)
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "::1"}).status_code == 200


@pytest.mark.parametrize("setting", [{"PRODUCTION": True}, {"TRUSTED_PROXIES": 1}])
def test_in_production_and_behind_a_proxy_a_token_is_needed(app, client, setting):
    """A proxy on the same machine need not say for whom it asks."""
    app.config.update(setting)
    answer = client.get("/metrics")
    assert (answer.status_code, "METRICS_TOKEN" in answer.text) == (404, True)
    app.config["METRICS_TOKEN"] = TOKEN
    assert client.get("/metrics").status_code == 401
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


def test_under_a_name_that_is_not_the_machines_own_a_token_is_needed(client):
    for host in ("chat.example.org", "10.0.0.1:5000", "localhost.example.org", "[fe80::1]"):
        assert client.get("/metrics", headers={"Host": host}).status_code == 404
    for host in ("localhost:5000", "127.0.0.1", "[::1]:5000"):
        assert client.get("/metrics", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script_Name", "PATH_INFO"])
def test_a_header_cannot_change_the_path_of_a_request(server, name):
    """A proxy that keeps /metrics or /setup to itself would let /x/metrics through."""
    value = "/metrics" if name == "PATH_INFO" else "/x"
    answer = ask(f"{server.url}/x", **{name: value})
    assert answer.status_code == 404
    assert "chat_" not in answer.text


def test_with_a_token_only_who_sends_it_may_read(app, client):
    app.config["METRICS_TOKEN"] = TOKEN
    for sent in (None, "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff"):
        answer = client.get("/metrics", headers={"Authorization": sent} if sent else {})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert TOKEN not in answer.text
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "10.0.0.7"}
    answer = client.get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": "10.0.0.1"})
    assert answer.status_code == 200
    assert client.post("/metrics", headers=headers).status_code == 405


def test_it_answers_at_once_while_both_stores_hang(launch_app, tmp_path):
    mongod = start_mongod(tmp_path / "own-mongod")
    try:
        app = launch_app(MONGODB_URI=mongod.uri)
        person = Person(app.url).set_up()
        eventually(lambda: scrape(app.url).of("chat_mongodb_up") == 1)
        eventually(lambda: scrape(app.url).of("chat_redis_up") == 1)
        mongod.process.popen.send_signal(signal.SIGSTOP)
        with launch_app.redis[0].hung():
            eventually(lambda: scrape(app.url).of("chat_redis_breaker_open") == 1)
            eventually(lambda: scrape(app.url).of("chat_mongodb_up") == 0)
            # A signed-in caller, too: no session is asked for.
            for path, code in ANSWERS_WHILE_BOTH_HANG.items():
                eventually(lambda path=path, code=code: is_quick(person, path, code))
            told = scrape(app.url)
            assert told.of("chat_redis_up") == 0
            assert told.of("chat_redis_enabled") == 1
            # Nobody knows; it is asked every few seconds.
            eventually(lambda: not scrape(app.url).has("chat_redis_memory_used_bytes"))
        mongod.process.popen.send_signal(signal.SIGCONT)
        eventually(lambda: scrape(app.url).of("chat_redis_up") == 1)
        assert scrape(app.url).of("chat_redis_fallbacks_total") > 0
    finally:
        mongod.process.popen.send_signal(signal.SIGCONT)
        mongod.stop()


def is_quick(person, path, code):
    began = time.monotonic()
    assert person.get(path).status_code == code
    return time.monotonic() - began < QUICK


def test_the_text_is_what_prometheus_wants(server, promtool):
    text = ask(server.url).text
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True,
                             text=True)  # fmt: skip
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
