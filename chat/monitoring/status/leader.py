"""Of the processes of one gunicorn one looks for all of them, and leaves what it saw.

Whoever holds the lock in the folder of the figures (``chat.monitoring.shared_dir``) looks; the
system gives it up when its holder ends, however it ends. Without such a folder a process is on its
own.
"""

import contextlib
import fcntl
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from chat.monitoring.shared_dir import place

LOCK, SEEN = "watch.lock", "watch.seen"


class Group:
    """This process in its group."""

    def __init__(self) -> None:
        self._lock: Any = None
        self._own: dict[str, Any] = {}
        self._alone = uuid4().hex[:12]

    @property
    def name(self) -> str:
        """The same in all processes of the group, another in every other group."""
        return place.folder.name if place.folder else self._alone

    def leads(self) -> bool:
        """Whether it is this process that looks."""
        if place.folder is None or self._lock is not None:
            return True
        try:
            handle = (place.folder / LOCK).open("w")
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return False
        self._lock = handle
        return True

    def leave(self) -> None:
        """Let another one look."""
        if self._lock is not None:
            self._lock.close()
        self._lock, self._own = None, {}

    def tell(self, seen: dict[str, Any]) -> None:
        """What this process saw, for all."""
        self._own = seen
        if place.folder:
            with contextlib.suppress(OSError):  # no room, or the master is on its way out
                new = self._path().with_suffix(".new")
                new.write_bytes(msgspec.json.encode(seen))
                new.replace(self._path())

    def seen(self) -> dict[str, Any]:
        """What whoever looks saw last; nothing before the first look."""
        if not place.folder or self._lock is not None:
            return self._own or self._read()
        return self._read()

    def _read(self) -> dict[str, Any]:
        if not place.folder:
            return {}
        try:
            return dict(msgspec.json.decode(self._path().read_bytes()))
        except (OSError, ValueError):
            return {}

    def _path(self) -> Path:
        assert place.folder is not None
        return place.folder / SEEN


group = Group()
