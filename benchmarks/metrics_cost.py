"""What counting costs: the CPU of a request with the figures of chat.telemetry and without them.

The whole WSGI application in one process, on a real MongoDB and Redis, asked the same again and
again by one member of a team: every other request counts, those between do not. A noisy moment
falls on both; the medians are compared. CPU is that of the process, so what the two servers do is
not in it, nor is what gunicorn needs for HTTP: so what is added is also set against whole requests
through a gunicorn beside it.
"""

import gc
import json
import os
import subprocess
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import median
from typing import Any

from benchmarks import report

PEOPLE, IN_CHANNEL = 200, 100
REQUESTS, WARM_UP = 1500, 100
PATHS = {
    "people, again": "/api/users",
    "history, again": "/api/channels/{channel}/messages",
    "history, anew": "/api/channels/{channel}/messages?_={n}",
    "channel page": "/channels/{slug}",
}
MOST = "≤ 3 %"


def run(quick: bool = False) -> None:
    from benchmarks.stage import Stage

    with Stage(PEOPLE, IN_CHANNEL) as stage:
        wanted = {"requests": REQUESTS // 10 if quick else REQUESTS, "channel": stage.team.channel,
                  "slug": stage.team.slug, "cookie": stage.team.members[0].cookie}  # fmt: skip
        report.say("metrics_cost: a request that counts and one that does not, in turns")
        compared = _in_process(stage, wanted)
        report.say("metrics_cost: whole requests through gunicorn")
        whole = _through_gunicorn(stage.app(), wanted)
    rows = []
    for name, (without, counting) in compared.items():
        added = counting - without
        rows.append((name, without, counting, added, whole[name], added / whole[name] * 100, MOST))
    heads = ("", "WSGI without, µs", "with, µs", "added, µs", "whole request, µs", "added, %", "")
    report.table("metrics_cost: CPU of a request with and without figures", heads, rows)


def _in_process(stage: Any, wanted: dict[str, Any]) -> dict[str, list[float]]:
    from tests.support.processes import SECRET_KEY
    from tests.support.servers import start_valkey

    valkey = start_valkey(stage.folder / "redis")
    places = {"MONGODB_URI": stage.uri, "REDIS_URL": valkey.url, "SECRET_KEY": SECRET_KEY}
    env = {**os.environ, "LIMIT_API": "1000000/minute", "LOG_LEVEL": "error", **places}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.metrics_cost"], input=json.dumps(wanted), env=env,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        valkey.stop()
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    compared: dict[str, list[float]] = json.loads(done.stdout)
    return compared


def _through_gunicorn(app: Any, wanted: dict[str, Any]) -> dict[str, float]:
    """CPU microseconds of the worker for a whole request, counting, on one connection."""
    line = HTTPConnection("127.0.0.1", app.port)
    found = {}
    for name, path in PATHS.items():
        for number in range(-WARM_UP, wanted["requests"]):
            if number == 0:
                began = sum(app.worker.cpu_times()[:2])
            line.request(
                "GET", path.format(n=number, **wanted), headers={"Cookie": wanted["cookie"]}
            )
            answer = line.getresponse()
            answer.read()
            if answer.status != HTTPStatus.OK:
                raise RuntimeError(f"{path}: {answer.status}\n{app.tail()}")
        spent = sum(app.worker.cpu_times()[:2]) - began
        found[name] = spent / wanted["requests"] * 1e6
    line.close()
    return found


def measure(wanted: dict[str, Any]) -> dict[str, list[float]]:
    """By kind of request: µs without and µs with figures."""
    from app import create_app, start_background

    app = create_app()
    start_background(app)
    return {name: _compare(app, path, wanted) for name, path in PATHS.items()}


def _compare(app: Any, path: str, wanted: dict[str, Any]) -> list[float]:
    from chat.telemetry.metric_types import Switch

    took: dict[bool, list[float]] = {True: [], False: []}
    gc.collect()
    gc.disable()  # whom it hits is chance
    for number in range(WARM_UP + 2 * wanted["requests"]):
        Switch.on = number % 2 == 0
        address = path.format(n=number, **wanted)
        began = time.process_time_ns()
        _ask(app, address, wanted["cookie"])
        if number >= WARM_UP:
            took[Switch.on].append((time.process_time_ns() - began) / 1000)
    gc.enable()
    return [median(took[False]), median(took[True])]


def _ask(app: Any, address: str, cookie: str) -> None:
    from io import BytesIO

    place, _, query = address.partition("?")
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": place, "QUERY_STRING": query, "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1", "HTTP_COOKIE": cookie, "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http", "wsgi.input": BytesIO(), "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }  # fmt: skip
    status: list[str] = []
    body = app.wsgi_app(environ, lambda told, headers, exc_info=None: status.append(told))
    list(body)
    if not status[0].startswith("200"):
        raise RuntimeError(f"{address}: {status[0]}")


if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    answer = measure(json.load(sys.stdin))
    os.write(1, json.dumps(answer).encode())
    os._exit(0)  # nothing is left to be closed but what runs in the background
