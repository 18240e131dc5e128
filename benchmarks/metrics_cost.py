"""What counting costs: the CPU of a request with the figures of chat.metrics and without them.

The whole WSGI application in one process, on a real MongoDB and Redis, asked the same again and
again by one member of a team: every other request counts, those between do not. A noisy moment
falls on both; the ratio is that of the medians. CPU is that of the process, so what the two servers
do is not in it, nor is what gunicorn needs for HTTP: about half a millisecond a request on top of
both.
"""

import gc
import json
import os
import subprocess
import sys
import time
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
MOST = "≤ 1.03"


def run(quick: bool = False) -> None:
    from benchmarks.stage import Stage
    from tests.support.processes import SECRET_KEY
    from tests.support.servers import start_valkey

    with Stage(PEOPLE, IN_CHANNEL) as stage:
        report.say("metrics_cost: a request that counts and one that does not, in turns")
        valkey = start_valkey(stage.folder / "redis")
        wanted = {"requests": REQUESTS // 10 if quick else REQUESTS, "channel": stage.team.channel,
                  "slug": stage.team.slug, "cookie": stage.team.members[0].cookie}  # fmt: skip
        places = {
            "MONGODB_URI": stage.uri,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": SECRET_KEY,
            "LOG_LEVEL": "error",
        }
        try:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.metrics_cost"], input=json.dumps(wanted),
                env={**os.environ, "LIMIT_API": "1000000/minute", **places},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            valkey.stop()
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    rows = [(name, *figures, MOST) for name, figures in json.loads(done.stdout).items()]
    heads = ("", "µs without", "µs with", "ratio", "target")
    report.table("metrics_cost: CPU of a request with and without figures", heads, rows)


def measure(wanted: dict[str, Any]) -> dict[str, list[float]]:
    """By kind of request: µs without, µs with, and their ratio."""
    from app import create_app, start_background

    app = create_app()
    start_background(app)
    return {name: _compare(app, path, wanted) for name, path in PATHS.items()}


def _compare(app: Any, path: str, wanted: dict[str, Any]) -> list[float]:
    from chat.metrics.numbers import Switch

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
    without, counting = median(took[False]), median(took[True])
    return [without, counting, counting / without]


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
