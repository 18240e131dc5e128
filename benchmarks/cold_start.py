"""Seconds from the start of a process until it is ready, and until the first page is whole.

MongoDB, with a team in it, and Redis run already, as they do where a process is replaced (`start`
measures everything together): gunicorn is started on them, once with an empty Redis, once with one
that is warm, once without Redis. Ready is /health/ready with 200; the page is a channel's with 50
messages, for somebody signed in, and it is asked for as soon as the process is ready. The second
page says what of the first was only the first. The floor in the same run: Flask-SocketIO as it
comes, until /health answers.
"""

import time
from collections.abc import Callable
from statistics import median

import requests

from benchmarks import report
from benchmarks.bare import Bare
from benchmarks.stage import App, Stage
from chat.embedded.process import POLL_SECONDS

ROUNDS, MOST_SECONDS = 2, 60.0
HEADS = ("", "ready s, median", "worst", "first page s, median", "worst", "second page ms")
Times = tuple[float, float, float]  # to ready, to the first page, for the second one


def run(quick: bool = False) -> None:
    rounds = 1 if quick else ROUNDS
    with Stage(people=100) as stage:
        with_redis = stage.app()
        with_redis.stop()
        without = stage.app(with_redis=False)
        without.stop()
        ways: dict[str, Callable[[], Times]] = {
            "Redis empty": lambda: _once(stage, with_redis, empty=True),
            "Redis warm": lambda: _once(stage, with_redis),
            "DISABLE_REDIS": lambda: _once(stage, without),
            "floor: Flask-SocketIO": lambda: _floor(stage),
        }
        found: dict[str, list[Times]] = {name: [] for name in ways}
        for number in range(1, rounds + 1):
            for name, once in ways.items():
                report.say(f"cold_start: {name}, round {number} of {rounds}")
                found[name].append(once())
    report.table(
        "cold_start: a process on servers that are there", HEADS,
        [(name, *_row(times, "floor" in name)) for name, times in found.items()],
    )  # fmt: skip


def _row(times: list[Times], is_floor: bool) -> tuple[object, ...]:
    ready, page, second = zip(*times, strict=True)
    pages = (None,) * 3 if is_floor else (median(page), max(page), median(second) * 1000)
    return median(ready), max(ready), *pages


def _once(stage: Stage, app: App, empty: bool = False) -> Times:
    if empty and (valkey := stage.valkey(app)):
        with valkey.client() as client:
            client.flushall()
    began = time.monotonic()
    ready, page = f"{app.url}/health/ready", f"/channels/{stage.team.slug}"
    app.launch()
    try:
        _wait(ready, app)
        to_ready = time.monotonic() - began
        app.get(page, stage.team.members[0])
        to_page = time.monotonic()
        app.get(page, stage.team.members[0])
        return to_ready, to_page - began, time.monotonic() - to_page
    finally:
        app.stop()


def _floor(stage: Stage) -> Times:
    began = time.monotonic()
    app = stage.floor(Bare)
    to_ready = time.monotonic() - began
    app.stop()
    return to_ready, 0.0, 0.0


def _wait(url: str, app: App) -> None:
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(POLL_SECONDS)
    raise TimeoutError(app.tail())
