"""Processes forked from one that has imported the app (``fork_server``); one for each run."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from chat.embedded.process import Process
from tests.support.waiting import SECONDS, eventually

ROOT = Path(__file__).resolve().parents[2]
# What is read when a process begins: a fork has missed it.
READ_AT_THE_START = ("LD_", "PYTHON", "GEVENT", "MALLOC_", "GLIBC_")


def can_become(env: Mapping[str, str]) -> bool:
    """Whether a forked process is what one started with this environment would be."""
    return sys.platform == "linux" and _early(env) == _early(os.environ)


def _early(env: Mapping[str, str]) -> dict[str, str]:
    return {name: env[name] for name in env if name.startswith(READ_AT_THE_START)}


# A child ends with the thread that started it, so this thread stays to the end.
_starter = ThreadPoolExecutor(1)


def _server() -> str:
    """The socket of the fork server, which is started by the first who asks."""
    return _starter.submit(_started).result()


@lru_cache(maxsize=1)
def _started() -> str:
    folder = tempfile.TemporaryDirectory(prefix="chat-forks-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    address, log = f"{folder.name}/socket", Path(folder.name) / "log"
    command = [sys.executable, "-m", "tests.support.fork_server", address]
    server = Process(command, title="the fork server", log=log, cwd=ROOT)
    atexit.register(server.kill)
    assert server.wait_until(lambda: _listens(address), SECONDS), log.read_text()
    return address


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address) == 0


class Child:
    """A forked process, with those methods of Popen that ``Process`` uses."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        request = {"argv": list(argv), "env": dict(env), "cwd": str(ROOT), "log": str(log)}
        self.returncode: int | None = None
        self._line = socket.socket(socket.AF_UNIX)
        self._line.settimeout(SECONDS)
        self._line.connect(_server())
        self._line.sendall(json.dumps(request).encode())
        self._line.shutdown(socket.SHUT_WR)
        self._told = self._line.makefile("r")
        self.pid = int(self._told.readline())
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._line], [], [], 0)[0]:
                status = int(self._told.readline() or signal.SIGKILL)  # no parent, no app
                self.returncode = os.waitstatus_to_exitcode(status)
                self._line.close()
        return self.returncode

    def wait(self, timeout: float = SECONDS) -> int:
        eventually(lambda: self.poll() is not None, timeout, every=0.005)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, sign: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sign)


class Forked(Process):
    """A gunicorn that serves the app, handled like any other child process."""

    def __init__(
        self, command: Sequence[str], *, title: str, log: Path, env: Mapping[str, str]
    ) -> None:
        self.title, self.log = title, log
        self.popen: Any = Child(command, env, log)


def flask(*arguments: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """`flask --app wsgi …` to its end; ``stdout`` is all that it wrote."""
    with tempfile.TemporaryDirectory(prefix="chat-flask-") as folder:
        log = Path(folder) / "log"
        command = ("flask", "--app", "wsgi", *arguments)
        status = Child(command, env, log).wait()
        return subprocess.CompletedProcess(command, status, log.read_text(encoding="utf-8"))
