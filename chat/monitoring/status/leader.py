"""The processes of one gunicorn elect a leader, which runs the loop for all of them.

The leader holds a lock in the folder of the metrics (``chat.monitoring.shared_dir``). The system
releases the lock when the process ends, even if it is killed. The leader leaves its result in that
folder, too. Without the folder, each process is its own leader.
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
    """This process as a member of its group: the processes of one gunicorn."""

    def __init__(self) -> None:
        self._lock: Any = None
        self._own: dict[str, Any] = {}
        self._alone = uuid4().hex[:12]

    @property
    def name(self) -> str:
        """The name of the group, the same in all its processes and different for each group."""
        return place.folder.name if place.folder else self._alone

    def leads(self) -> bool:
        """Whether this process is the leader; it becomes the leader if there is none."""
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
        """Let another process become the leader."""
        if self._lock is not None:
            self._lock.close()
        self._lock, self._own = None, {}

    def tell(self, seen: dict[str, Any]) -> None:
        """Leave the result of the leader for all processes."""
        self._own = seen
        if place.folder:
            with contextlib.suppress(OSError):  # the disk is full, or the master is stopping
                new = self._path().with_suffix(".new")
                new.write_bytes(msgspec.json.encode(seen))
                new.replace(self._path())

    def seen(self) -> dict[str, Any]:
        """The last result of the leader; empty before the first one."""
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
