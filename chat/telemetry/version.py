"""Which version is running."""

import tomllib
from pathlib import Path


def _read() -> str:
    """As ``pyproject.toml`` says, which is where releases change it."""
    path = Path(__file__).resolve().parents[2] / "pyproject.toml"
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"


VERSION = _read()
