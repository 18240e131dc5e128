"""The data folder: who may use it, and what is kept in it beside the servers' data."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import IO

from chat.embedded import EmbeddedError

PRIVATE = 0o600
PRIVATE_FOLDER = 0o700


class DataDir:
    """A folder used by one process at a time.

    The lock is the operating system's, so it ends with the process that holds it, however that
    ends: nothing is left to clean up after a `kill -9`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: IO[str] | None = None

    def __enter__(self) -> "DataDir":
        self._make()
        self._take_lock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in ("mongodb_uri", "redis_url"):
            (self.path / name).unlink(missing_ok=True)
        if self._lock:
            self._lock.close()

    def folder(self, name: str) -> Path:
        """A folder inside, made when it is first needed."""
        path = self.path / name
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        return path

    def secret_key(self) -> str:
        """The key that signs cookies: made once, readable by its owner alone."""
        path = self.path / "secret_key"
        with contextlib.suppress(FileExistsError):
            self._write_private(path, secrets.token_urlsafe(48), os.O_EXCL)
        if key := path.read_text(encoding="utf-8").strip():
            return key
        path.unlink()  # the disk was full, or the process killed, when it was written
        return self.secret_key()

    def note(self, name: str, text: str) -> None:
        """Leave an address where operator commands find it (``chat.config``)."""
        path = self.path / name
        path.unlink(missing_ok=True)
        self._write_private(path, text, os.O_EXCL)

    def recall(self, name: str) -> str:
        """What was noted under this name, or nothing."""
        try:
            return (self.path / name).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            probe = self.path / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise EmbeddedError(
                f"The data folder {self.path} cannot be written ({error.strerror}): "
                "give this user the right to, or set DATA_DIR to another folder."
            ) from None

    def _take_lock(self) -> None:
        lock = (self.path / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise EmbeddedError(
                f"{self.path} is in use by another run (process {holder}): "
                "stop that one first, or set DATA_DIR to another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    @staticmethod
    def _write_private(path: Path, text: str, extra: int) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | extra, PRIVATE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
