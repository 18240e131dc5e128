"""The folder in which the processes of one gunicorn share their metrics.

The master makes the folder before it forks. Each worker replaces its own file once a second. When a
worker has ended, the master adds its counters to the file of ended workers, without its gauges, and
removes its file. So there is at most one file per worker and one more, and no sum ever decreases.
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
YOUNG = 60.0  # seconds; a younger folder without a lock may still be in the making
MOST_FOLDED = 100


class FiguresDir:
    """The folder of this gunicorn, if there is one, and the file of this process in it."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._maker = 0
        self._lock: Any = None
        self._own: tuple[int, str] | None = None

    def make(self) -> None:
        """Make the folder; in the master, before it forks. Removes folders of killed masters."""
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
        """Remove the folder; in the master, when it stops."""
        if self.folder and self._maker == os.getpid():
            shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self, snapshot: Snapshot) -> None:
        """Write the metrics of this process for the others."""
        if self.folder:
            _write(self.folder / self._name(), snapshot)

    def everybody(self) -> list[Snapshot]:
        """The metrics of all processes, including ended ones. Call ``publish`` before."""
        if not self.folder:
            return []
        living = {path.name: _read(path) for path in self.folder.glob("*-*.json")}
        # Read last: a worker that has just ended and is missing above is in this file by now.
        dead = _read(self.folder / f"{DEAD}.json")
        folded = set(dead["folded"]) if dead else set()
        found = [one for name, one in living.items() if one and name not in folded]
        return [*found, dead] if dead else found

    def fold(self, pid: int) -> None:
        """Add the counters of an ended worker to those of all ended workers; in the master."""
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
        """The file name of this process. A fork gets another name, and so does a reused pid."""
        if self._own is None or self._own[0] != os.getpid():
            self._own = os.getpid(), secrets.token_hex(4)
        return f"{self._own[0]}-{self._own[1]}.json"


place = FiguresDir()


def together() -> Snapshot:
    """The sum of the metrics of all processes of this gunicorn, or those of this process alone.

    The metrics of other processes are at most a second old.
    """
    mine = own()
    place.publish(mine)
    found = add(place.everybody() or [mine])
    found["gauges"][WORKERS.name] = [((), found["processes"])]
    return found


def _write(path: Path, snapshot: Snapshot) -> None:
    with contextlib.suppress(OSError):  # the disk is full, or the master is stopping
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
    """A lock that is held while the master or one of its workers lives."""
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
    except OSError:  # the lock is held, or the folder belongs to another user
        return False
    return True
