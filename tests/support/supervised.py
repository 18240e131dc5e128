"""The app under the supervisor of `make run`."""

import os
import sys
from pathlib import Path

import psutil

from tests.support.processes import AppProcess
from tests.support.waiting import eventually


class Supervised(AppProcess):
    """One `python -m chat.embedded` with its own app, mongod and valkey-server."""

    command = (sys.executable, "-m", "chat.embedded")
    is_measured = True

    def __init__(self, folder: Path, **env: str | None) -> None:
        elsewhere = dict.fromkeys(("MONGODB_URI", "DISABLE_REDIS"))
        self.data = folder / "data"
        super().__init__(folder, DATA_DIR=str(self.data), PRESENCE_LEASE="6", **elsewhere, **env)

    def prepare(self) -> "Supervised":
        """It builds the indexes itself."""
        return self

    def start(self) -> "Supervised":
        if not self.process:
            super().start()
        return self

    def kill(self) -> None:
        """Its children end with it, in their own time."""
        self.stop()

    def places(self) -> dict[str, str]:
        """The settings with which another process uses the same servers."""
        names = {"MONGODB_URI": "mongodb_uri", "REDIS_URL": "redis_url"}
        return {name: (self.data / file).read_text() for name, file in names.items()}

    def kill_server(self, name: str) -> None:
        """As a crash does it; returns when the supervisor has noticed."""
        assert self.process
        said = self._said(name)
        children = psutil.Process(self.process.pid).children()
        victim = next(child for child in children if name in " ".join(child.cmdline()[:2]))
        os.kill(victim.pid, 9)
        eventually(lambda: self._said(name) > said)

    def _said(self, name: str) -> int:
        return self.log.read_text(encoding="utf-8").count(f"{name} ended by itself")
