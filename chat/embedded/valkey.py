"""A real `valkey-server` (or `redis-server`) that keeps what it holds across restarts."""

import socket
import time
from pathlib import Path

from chat.embedded import EmbeddedError
from chat.embedded.process import LOOPBACK, Process, free_port, is_free, stop_orphan

START_SECONDS, STOP_SECONDS = 30, 10
TRIES = 5
ANSWER_SECONDS = 0.5


class Valkey:
    """One server; ``start`` returns when it answers and has loaded its data."""

    def __init__(self, binary: Path, data: Path, log: Path, port: int = 0) -> None:
        self.binary, self.data, self.log = binary, data, log
        self.port = port
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the process without waiting for it."""
        self._stop_left_over()
        if not self.port or not is_free(self.port):
            self.port = free_port()
        self.process = Process(self._command(), title="valkey-server", log=self.log)
        self._note.write_text(f"{self.process.pid} {self.port}", encoding="utf-8")

    def wait(self) -> None:
        """Wait until it answers. What it holds can be made again, so if it cannot read its own
        files (a crash in the middle of a write), they are set aside and it starts empty."""
        for _ in range(TRIES):
            assert self.process is not None
            if self.process.wait_until(self._answers, START_SECONDS):
                return
            if is_free(self.port) and not self._set_aside():
                break
            self.port = 0
            self.launch()
        raise self.process.failure() if self.process else EmbeddedError("valkey did not start.")

    def stop(self) -> None:
        if self.process:
            self.process.stop(STOP_SECONDS)

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def _command(self) -> list[str]:
        options = {
            "--bind": LOOPBACK,
            "--port": self.port,
            "--dir": self.data,
            "--appendonly": "yes",
            "--appendfsync": "everysec",
            "--save": "",
            "--maxmemory": "256mb",
            # Everything that may be dropped has a TTL; what has none is small and must stay.
            "--maxmemory-policy": "volatile-lru",
        }
        return [str(self.binary), *(str(part) for option in options.items() for part in option)]

    def _answers(self) -> bool:
        """+PONG; while it loads its data it answers -LOADING."""
        try:
            with socket.create_connection((LOOPBACK, self.port), ANSWER_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def _set_aside(self) -> bool:
        files = self.data / "appendonlydir"
        if not files.is_dir():
            return False
        files.rename(self.data / f"unreadable-{int(time.time())}")
        return True

    @property
    def _note(self) -> Path:
        return self.data / "server.pid"

    def _stop_left_over(self) -> None:
        try:
            pid, port = self._note.read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            return
        stop_orphan(int(pid), f"{LOOPBACK}:{port}")
