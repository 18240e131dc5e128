"""Memory that a flood needed goes back to the system soon after it.

The C library keeps what Python frees, for the next time, and after many large answers that is most
of the machine: it raises the size from which a piece is the system's own to that of the largest it
has seen, and everything smaller lies between what stays. So that size is fixed, threads share two
arenas, and when the process has grown, what is free is given back, pages in the middle too.
"""

import ctypes
import gc
import logging
import os
from pathlib import Path
from typing import Any

import gevent
from flask import Flask

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds
GROWN = 32 * 1024 * 1024  # bytes since the last time
OWN_PIECE = 256 * 1024  # bytes from which a piece is the system's own
ARENAS = 2
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # glibc's names

_PAGE = os.sysconf("SC_PAGE_SIZE")
_greenlet: gevent.Greenlet | None = None


def resident() -> int | None:
    """Bytes of memory of this process, where the system says."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return None


def start(app: Flask) -> None:
    """Begin to look, in a process that serves. Does nothing where the C library is another one."""
    global _greenlet
    library = _library()
    if library is None or resident() is None:
        return
    library.mallopt(_M_MMAP_THRESHOLD, OWN_PIECE)
    library.mallopt(_M_ARENA_MAX, ARENAS)
    _greenlet = gevent.spawn(_watch, library)


def stop(app: Flask) -> None:
    if _greenlet:
        _greenlet.kill(block=False)


def _library() -> Any:
    try:
        library = ctypes.CDLL(None)
        return library if library.malloc_trim and library.mallopt else None
    except (OSError, AttributeError):  # musl, macOS
        return None


def _watch(library: Any) -> None:
    least = resident() or 0
    while True:
        gevent.sleep(EVERY)
        now = resident() or 0
        if now - least > GROWN:
            give_back(library)
            now = resident() or 0
        least = now


def give_back(library: Any) -> None:
    """In a thread: it takes some milliseconds for each gigabyte, and nobody has to wait for it."""
    gc.collect()
    gevent.get_hub().threadpool.apply(library.malloc_trim, (0,))
