"""A separate clock for the processes of a test (libfaketime)."""

import os
from pathlib import Path

import pytest

LIBRARY = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu/faketime/libfaketime.so.1"
needs_faketime = pytest.mark.skipif(
    not LIBRARY.exists(), reason="needs libfaketime (on Debian: apt-get install faketime)"
)


class Clock:
    """The time of day of whoever is started with ``env``; what only ever grows stays true."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.step(0)

    @property
    def env(self) -> dict[str, str]:
        """For the environment of a process."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def step(self, hours: float) -> None:
        """From now on it is so many hours fast, or slow, in all of these processes."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{hours * 3600:+.0f}\n")
        new.replace(self._file)
