"""The folder in which the processes of one gunicorn leave their figures for each other.

The master makes it before it forks. Each worker writes a file of its own, replaced as a whole once
a second. When a worker has ended, the master adds its counts to those of the dead and removes the
file: what was counted stays counted, what stood in that process is gone. So there are never more
files than workers, and one, and no sum ever goes back.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from chat.monitoring.snapshot import Snapshot, add, own
from chat.telemetry.registry import WORKERS

PREFIX = "chat-figures-"
DEAD = "dead"
YOUNG = 60.0  # seconds in which a folder without a lock may be one that is being made
MOST_FOLDED = 100


class FiguresDir:
    """The folder of this gunicorn, if there is one, and this process's file in it."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._maker = 0
        self._lock: Any = None
        self._own: tuple[int, str] | None = None

    def make(self) -> None:
        """In the master, before it forks. Takes away what masters that were killed left behind."""
        base = Path("/dev/shm")
        if not os.access(base, os.W_OK):
            base = Path(tempfile.gettempdir())
        for old in base.glob(f"{PREFIX}*"):
            if _is_left_behind(old):
                shutil.rmtree(old, ignore_errors=True)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        self._maker = os.getpid()
        self._lock = _locked(self.folder)

    def remove(self) -> None:
        """In the master, at its end."""
        if self.folder and self._maker == os.getpid():
            shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self, snapshot: Snapshot) -> None:
        """Leave this process's figures for the others."""
        if self.folder:
            _write(self.folder / self._name(), snapshot)

    def everybody(self) -> list[Snapshot]:
        """The figures of all processes, ended ones included. Call ``publish`` before it."""
        if not self.folder:
            return []
        living = {path.name: _read(path) for path in self.folder.glob("*-*.json")}
        # Afterwards: who is missing above because it has just ended is in there by now.
        dead = _read(self.folder / f"{DEAD}.json")
        folded = set(dead["folded"]) if dead else set()
        found = [one for name, one in living.items() if one and name not in folded]
        return [*found, dead] if dead else found

    def fold(self, pid: int) -> None:
        """In the master: a worker has ended."""
        for path in self.folder.glob(f"{pid}-*.json") if self.folder else ():
            dead = _read(path.with_name(f"{DEAD}.json"))
            ended = _read(path)
            if ended:
                sums = add([one for one in (dead, ended) if one])
                gone = [*(dead["folded"] if dead else []), path.name][-MOST_FOLDED:]
                _write(
                    path.with_name(f"{DEAD}.json"),
                    {**sums, "gauges": {}, "folded": gone, "processes": 0},
                )
            path.unlink(missing_ok=True)
            path.with_suffix(".new").unlink(missing_ok=True)

    def _name(self) -> str:
        """Of this process's file. A fork is another process, and so is a pid that comes again."""
        if self._own is None or self._own[0] != os.getpid():
            self._own = os.getpid(), secrets.token_hex(4)
        return f"{self._own[0]}-{self._own[1]}.json"


place = FiguresDir()


def together() -> Snapshot:
    """The figures of all processes of this gunicorn added up; without one, of this process.

    Those of the others are at most a second old.
    """
    mine = own()
    place.publish(mine)
    found = add(place.everybody() or [mine])
    found["gauges"][WORKERS.name] = [((), found["processes"])]
    return found


def _write(path: Path, snapshot: Snapshot) -> None:
    with contextlib.suppress(OSError):  # no room, or the master is on its way out
        new = path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(snapshot))
        new.replace(path)


def _read(path: Path) -> Snapshot | None:
    try:
        found: Snapshot = msgspec.json.decode(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found


def _locked(folder: Path) -> Any:
    """Held by the master and its workers for as long as one of them lives."""
    handle = (folder / "lock").open("w")
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _is_left_behind(folder: Path) -> bool:
    try:
        if time.time() - folder.stat().st_mtime < YOUNG:
            return False
        with (folder / "lock").open("r+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return folder.is_dir()
    except OSError:  # somebody holds it, or it is somebody else's
        return False
    return True
