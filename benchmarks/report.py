"""What people see: the machine, what is being done, and tables."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil

from chat.embedded.binaries import find_mongod, find_valkey

PACKAGES = ("Flask", "Flask-SocketIO", "python-socketio", "gevent", "gunicorn", "pymongo", "redis")
_began = time.monotonic()


def say(text: str) -> None:
    """Progress, on stderr: stdout has the tables alone."""
    print(f"  {time.monotonic() - _began:5.0f} s  {text}", file=sys.stderr, flush=True)


def machine() -> None:
    """Print what the figures belong to."""
    gib = psutil.virtual_memory().total / 2**30
    spare = Path(tempfile.gettempdir())
    print(f"{os.cpu_count()} cores ({_cpu()}), {gib:.0f} GiB, {platform.system()}", end=" ")
    print(f"{platform.release()}, Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in PACKAGES))
    print(f"{_says(find_mongod(spare))}; {_says(find_valkey(spare))}")
    print(f"Load at the beginning: {load()}", flush=True)


def load() -> str:
    """The load averages of 1, 5 and 15 minutes."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A Markdown table, aligned: the first column to the left, figures to the right."""
    cells = [list(heads), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    print(f"\n### {title}\n")
    for row in [cells[0], rule, *cells[1:]]:
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("| " + " | ".join([first, *others]) + " |")
    print(flush=True)


def _text(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        digits = 0 if abs(cell) >= 100 else 1 if abs(cell) >= 10 else 2
        return f"{cell:,.{digits}f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "?")


def _says(binary: Path) -> str:
    """The first line of what a server says about its version."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["?"])[0]
