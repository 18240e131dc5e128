"""The files of a run lie in memory where there is room: each acknowledged write waits until MongoDB
has synced its journal, which takes five times as long on a disk."""

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

MEMORY = Path("/dev/shm")
PREFIX, LOCK = "chat-run-", "lock"
ROOM = 6 << 30  # bytes: a mongod takes 300 MB, and a replica set has three of them


class InMemory:
    """A pytest plugin. The files of a run that failed, or was killed, are there until the next."""

    def __init__(self, config: pytest.Config) -> None:
        is_worker = hasattr(config, "workerinput")  # which inherits the setting
        if not is_worker and not config.option.basetemp and _has_room():
            self._use_memory()

    def _use_memory(self) -> None:
        for left in MEMORY.glob(f"{PREFIX}*"):
            if _locked(left):
                shutil.rmtree(left, ignore_errors=True)
        made = Path(tempfile.mkdtemp(dir=MEMORY))
        self._lock = _locked(made)  # until this process ends
        self._folder = made.rename(MEMORY / f"{PREFIX}{made.name}")
        os.environ["TMPDIR"] = tempfile.tempdir = str(self._folder)
        self._failed = False
        atexit.register(self._remove)  # after the servers have stopped: the first is the last

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._failed = bool(session.testsfailed)

    def _remove(self) -> None:
        if not self._failed:
            shutil.rmtree(self._folder, ignore_errors=True)


def _has_room() -> bool:
    try:
        found = os.statvfs(MEMORY)
    except OSError:  # not on this system
        return False
    room = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available)
    return room > ROOM and not found.f_flag & os.ST_NOEXEC


def _locked(folder: Path) -> int | None:
    """The lock of a folder that no run uses; None if one does."""
    try:
        handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    return handle
