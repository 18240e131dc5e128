"""Returns free memory to the system after a peak of load (glibc only).

glibc keeps memory that Python frees. After many large answers that may be most of the machine:
glibc raises its mmap threshold to the largest block it has seen, and all smaller blocks then lie
in the heap between blocks in use. So the threshold is fixed here, all threads share two arenas,
and when the process has grown, ``malloc_trim`` returns free pages, also in the middle of the heap.
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
GROWN = 32 * 1024 * 1024  # bytes of growth since the last check after which memory is returned
OWN_PIECE = 256 * 1024  # bytes; the fixed mmap threshold
ARENAS = 2
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # from glibc's malloc.h

_PAGE = os.sysconf("SC_PAGE_SIZE")
_greenlet: gevent.Greenlet | None = None


def resident() -> int | None:
    """The resident memory of this process in bytes; None if the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return None


def start(app: Flask) -> None:
    """Configure glibc and start the check, in a serving process. Does nothing without glibc."""
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
    """Return free memory, in a thread: it takes some milliseconds for each gigabyte."""
    gc.collect()
    gevent.get_hub().threadpool.apply(library.malloc_trim, (0,))
