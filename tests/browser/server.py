"""The application as `make run` starts it, with its own databases in a folder of the test."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from socket import socket

ROOT = Path(__file__).resolve().parents[2]
# Every person of a test comes from one address.
LIMITS = {"LIMIT_LOGIN": "1000/minute", "LIMIT_REGISTER": "1000/hour", "LIMIT_API": "6000/minute"}


class Server:
    """Up while the block lasts."""

    def __init__(self, data: Path) -> None:
        self._data = data
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Server":
        self._data.mkdir(parents=True, exist_ok=True)
        self._log = (self._data.parent / "server.log").open("w")
        own = {"DATA_DIR": str(self._data), "HOST": "127.0.0.1", "PORT": str(self.port)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chat.embedded"],
            cwd=ROOT,
            env={**os.environ, **LIMITS, **own},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(40)
        finally:
            self._log.close()

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while self._process.poll() is None and time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(Path(self._log.name).read_text()[-4000:])
