"""After SIGHUP old workers serve until the new ones are ready (gunicorn would stop them at once).

These functions run in gunicorn's master, except ``is_ready``. A worker that has loaded the app
sets a byte of memory that it shares with the master.
"""

import logging
import mmap
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.errors import HaltServer

log = logging.getLogger(__name__)

MOST_SECONDS = 60.0
LOOK_SECONDS = 0.05
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def expect(worker: Any) -> None:
    """Make the shared byte of a worker. Call before the fork."""
    worker.is_ready = mmap.mmap(-1, 1)


def is_ready(worker: Any) -> None:
    """Set the shared byte. Call in the worker when it is about to serve."""
    worker.is_ready[0] = 1


def at_reload(server: Any) -> None:
    """Make gunicorn wait between the start of the new workers and the end of the old ones."""
    server.manage_workers = partial(_when_ready, server, server.manage_workers, {*server.WORKERS})


def _when_ready(server: Any, manage: Callable[[], None], old: set[int]) -> None:
    del server.manage_workers  # only this once
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline and not _is_to_end(server):
        new = {pid: worker for pid, worker in server.WORKERS.items() if pid not in old}
        if any(map(_has_ended, new)):
            _go_on_without(server)
            break
        if all(worker.is_ready[0] for worker in new.values()):
            break
        time.sleep(LOOK_SECONDS)
    manage()


def _go_on_without(server: Any) -> None:
    """Keep the old workers if a new worker cannot start."""
    try:
        server.reap_workers()
    except HaltServer:
        log.error("a new worker could not start: the old ones go on")
    for worker in server.WORKERS.values():
        worker.age = server.worker_age  # else gunicorn would wait for their end, ignoring signals


def _has_ended(pid: int) -> bool:
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        return os.waitid(os.P_PID, pid, options) is not None
    except ChildProcessError:
        return True


def _is_to_end(server: Any) -> bool:
    """Whether a signal that stops gunicorn is waiting in the queue."""
    waiting = [server.SIG_QUEUE.get_nowait() for _ in range(server.SIG_QUEUE.qsize())]
    for sign in waiting:
        server.SIG_QUEUE.put_nowait(sign)
    return any(sign in ENDING for sign in waiting)
