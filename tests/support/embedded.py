"""The application as `make run` starts it, with its own databases in a folder of the test."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from chat.embedded.process import LOOPBACK
from tests.support.ports import free_port
from tests.support.processes import CHEAP_PASSWORDS, GENEROUS, ROOT
from tests.support.waiting import eventually

SECONDS = 120
ELSEWHERE = ("MONGODB_URI", "REDIS_URL", "REDIS_SENTINEL", "REDIS_CLUSTER", "DISABLE_REDIS")


class Run:
    """One `python -m chat.embedded`; as a context manager it serves while the block lasts."""

    def __init__(self, logs: Path, data: Path, port: int = 0, **env: str) -> None:
        self.port = port or free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.data = data
        self.log = logs / f"run-{time.monotonic_ns()}.log"
        own = {"DATA_DIR": str(data), "HOST": LOOPBACK, "PORT": str(self.port)}
        inherited = {k: v for k, v in os.environ.items() if k not in ELSEWHERE}
        with self.log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "chat.embedded"],
                cwd=ROOT,
                env={**inherited, **GENEROUS, **CHEAP_PASSWORDS, **own, **env},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> "Run":
        return self.serving()

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def serving(self) -> "Run":
        eventually(lambda: "The chat is at" in self.output or self.ended, SECONDS)
        assert not self.ended, self.output
        return self

    @property
    def ended(self) -> bool:
        return self.popen.poll() is not None

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process | None:
        """The child of the supervisor that runs this program, if it runs."""
        for child in psutil.Process(self.popen.pid).children():
            with contextlib.suppress(psutil.Error):
                if name in " ".join(child.cmdline()[:4]):
                    return child
        return None

    def port_of(self, name: str) -> int:
        """Where the server with this name listens."""
        child = self.child(name)
        assert child, f"{name} does not run"
        eventually(lambda: "LISTEN" in {line.status for line in child.net_connections("tcp")})
        ports = [
            line.laddr.port for line in child.net_connections("tcp") if line.status == "LISTEN"
        ]
        return int(ports[0])

    def stop(self, sign: signal.Signals = signal.SIGINT) -> int:
        if not self.ended:
            self.popen.send_signal(sign)
        return self.popen.wait(SECONDS)

    def refusal(self) -> str:
        """What it said instead of starting."""
        assert self.popen.wait(SECONDS) == 1, self.output
        return self.output.strip()
