"""A real `valkey-server` (or `redis-server`) that keeps what it holds across restarts."""

import socket
import time
from pathlib import Path

from chat.embedded import EmbeddedError
from chat.embedded.datadir import write_private
from chat.embedded.process import LOOPBACK, is_free, stop_orphan
from chat.embedded.server import Server

START_SECONDS = 30
TRIES = 5
ANSWER_SECONDS = 0.5


class Valkey(Server):
    """One server; ``start`` returns when it answers and has loaded its data.

    With a ``password`` (of letters and digits) it answers nobody else.
    """

    title = "valkey-server"
    stop_seconds = 10
    # Nobody waits for it, and processes that all saw it go agree sooner on what to trust.
    pauses = (1.0, 2.0, 4.0, 8.0)

    def __init__(
        self, binary: Path, data: Path, log: Path, port: int = 0, password: str = ""
    ) -> None:
        super().__init__(binary, data, log, port)
        self.password = password

    @property
    def url(self) -> str:
        user = f":{self.password}@" if self.password else ""
        return f"redis://{user}{LOOPBACK}:{self.port}/0"

    def launch_again(self) -> None:
        """If it could not start, what it has on its disk is in the way."""
        if self._could_not_start():
            self._set_aside()
        super().launch_again()

    def wait(self) -> None:
        """Wait until it answers. What it holds can be made again, so if it cannot read its own
        files (a crash in the middle of a write), they are set aside and it starts empty."""
        for _ in range(TRIES):
            assert self.process is not None
            if self.process.wait_until(self.answers, START_SECONDS):
                return
            if is_free(self.port) and not self._set_aside():
                break
            self.port = 0
            self.launch()
        raise self.process.failure() if self.process else EmbeddedError("valkey did not start.")

    def answers(self) -> bool:
        """+PONG; while it loads its data it answers -LOADING."""
        login = f"AUTH {self.password}\r\n" if self.password else ""
        try:
            with socket.create_connection((LOOPBACK, self.port), ANSWER_SECONDS) as connection:
                connection.sendall(f"{login}PING\r\n".encode())
                answer = connection.makefile("rb")
                if login:
                    answer.readline()
                return answer.readline().startswith(b"+PONG")
        except OSError:
            return False

    def _run(self) -> None:
        if self.password:  # a command line can be read by everybody on the machine
            write_private(self._secrets, f"requirepass {self.password}\n")
        super()._run()
        assert self.process
        self._note.write_text(f"{self.process.pid} {self.port}", encoding="utf-8")

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
        own = [str(self._secrets)] if self.password else []
        parts = [str(part) for option in options.items() for part in option]
        return [str(self.binary), *own, *parts]

    def _could_not_start(self) -> bool:
        return self.process is not None and (self.process.popen.returncode or 0) > 0

    def _set_aside(self) -> bool:
        files = self.data / "appendonlydir"
        if not files.is_dir():
            return False
        files.rename(self.data / f"unreadable-{int(time.time())}")
        return True

    @property
    def _secrets(self) -> Path:
        return self.data / "valkey.conf"

    @property
    def _note(self) -> Path:
        return self.data / "server.pid"

    def _stop_left_over(self) -> None:
        try:
            pid, port = self._note.read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            return
        stop_orphan(int(pid), f"{LOOPBACK}:{port}")
