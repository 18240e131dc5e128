"""How long `make run` takes to the first page, once everything is installed.

`python -m chat.embedded` (what `make run` ends in) is started on a data directory that does not
exist yet, and once more, after it was stopped, on the same one. The clock runs from the start of
the process until GET / has led to a whole page. The floor beside it: the two database servers
alone, started the same way, and the import of the application alone.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

import requests

from benchmarks import report
from chat.config.environment import read
from chat.embedded.datadir import DataDir
from chat.embedded.process import LOOPBACK, Process, free_port
from chat.embedded.servers import Servers
from tests.support.processes import ROOT

ROUNDS = 1
MOST_SECONDS, STOP_SECONDS = 60, 30
ELSEWHERE = ("MONGODB", "REDIS_", "DISABLE_REDIS", "DATA_DIR", "SECRET_KEY", "DYNO", "CHAT_ENV")


def run(quick: bool = False) -> None:
    rounds = 1 if quick else ROUNDS
    times: dict[str, list[float]] = {name: [] for name in ("cold", "warm", "stop")}
    floors: dict[str, list[float]] = {name: [] for name in ("cold", "warm", "import")}
    for number in range(1, rounds + 1):
        report.say(f"start: round {number} of {rounds}")
        with tempfile.TemporaryDirectory(prefix="chat-bench-") as folder:
            for kind in ("cold", "warm"):
                to_page, to_end = _once(Path(folder) / "data", Path(folder) / "log")
                times[kind].append(to_page)
                times["stop"].append(to_end)
                floors[kind].append(_servers_alone(Path(folder) / "servers"))
            floors["import"].append(_import_alone())
    _print(times, floors)


def _print(times: dict[str, list[float]], floors: dict[str, list[float]]) -> None:
    rows = []
    for kind, words in (("cold", "empty data directory"), ("warm", "the same directory again")):
        took, floor = mean(times[kind]), mean(floors[kind])
        rows.append((words, took, floor, took / floor))
    report.table(
        "start: seconds from the command to the first page",
        ("", "seconds", "floor: servers alone", "ratio"),
        rows,
    )
    print(f"Import of the application alone: {mean(floors['import']):.2f} s.")
    print(f"From SIGTERM to the end of everything: {mean(times['stop']):.2f} s.", flush=True)


def _once(data: Path, log: Path) -> tuple[float, float]:
    """(seconds to the first page, seconds from SIGTERM to the end)."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
    env |= {"HOST": LOOPBACK, "PORT": str(port), "DATA_DIR": str(data), "WEB_CONCURRENCY": "1"}
    command = [sys.executable, "-m", "chat.embedded"]
    began = time.monotonic()
    process = Process(command, title="the chat", log=log, env=env, cwd=ROOT)
    try:
        if not process.wait_until(lambda: _page_is_there(port), MOST_SECONDS):
            raise RuntimeError(log.read_text(encoding="utf-8"))
        to_page = time.monotonic() - began
    finally:
        asked = time.monotonic()
        process.stop(STOP_SECONDS)
    return to_page, time.monotonic() - asked


def _page_is_there(port: int) -> bool:
    try:
        page = requests.get(f"http://{LOOPBACK}:{port}/", timeout=5)
    except requests.RequestException:
        return False
    return page.ok and 'name="csrf-token"' in page.text


def _servers_alone(folder: Path) -> float:
    began = time.monotonic()
    with DataDir(folder) as data:
        servers = Servers(data, read({}))
        try:
            servers.start()
            return time.monotonic() - began
        finally:
            servers.stop()


def _import_alone() -> float:
    env = {**os.environ, "MONGODB_URI": f"mongodb://{LOOPBACK}:1/none", "DISABLE_REDIS": "true"}
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import wsgi"], check=True, cwd=ROOT, env=env)
    return time.monotonic() - began
