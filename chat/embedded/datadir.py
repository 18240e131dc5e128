"""The data folder: who may use it, and what is kept in it beside the servers' data."""

import fcntl
import os
import secrets
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

from chat.embedded import EmbeddedError

PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
SECRET_BYTES = 32
OURS = (
    "lock", "secret_key", "mongodb_*", "mongod_port", "redis_*", "valkey_port",
    "bin", "mongo", "valkey", "logs", "logs/*.log",
)  # fmt: skip


def write_private(path: Path, text: str) -> None:
    """Write a new file that its owner alone may read; one that was there is replaced."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


class DataDir:
    """A folder used by one process at a time, and closed to everybody but its owner.

    The lock is the operating system's, so it ends with the process that holds it, however that
    ends: nothing is left to clean up after a `kill -9`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: IO[str] | None = None

    def __enter__(self) -> "DataDir":
        self._make()
        self._take_lock()
        self._close_to_others()
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

    def secret(self, name: str) -> str:
        """A secret of this installation: made once, kept in a file of its own."""
        path = self.secret_file(name)
        return path.read_text(encoding="utf-8").strip()

    def secret_file(self, name: str) -> Path:
        """Where that secret is kept. Letters and digits: they mean the same everywhere."""
        path = self.path / name
        if not path.is_file() or not path.read_text(encoding="utf-8").strip():
            # New, or the disk was full, or the process killed, when it was written.
            write_private(path, secrets.token_hex(SECRET_BYTES))
        return path

    def note(self, name: str, text: str) -> None:
        """Leave an address where operator commands find it (``chat.config.environment``)."""
        write_private(self.path / name, text)

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

    def _close_to_others(self) -> None:
        """Also what an older version or a copy has left open. Nobody gets past a closed folder, so
        what the servers keep in theirs does not matter."""
        ours = [path for name in OURS for path in self.path.glob(name)]
        try:
            for path in [self.path, *ours]:
                if not path.is_symlink():
                    path.chmod(PRIVATE_FOLDER if path.is_dir() else PRIVATE)
        except OSError as error:
            print(
                f"Other users of this machine may get at {path} ({error.strerror}): "
                "make the user of the chat its owner.",
                file=sys.stderr,
            )

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
