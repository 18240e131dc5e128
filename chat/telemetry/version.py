"""Which version is running."""

import tomllib

from chat.folders import ROOT


def _read() -> str:
    """As ``pyproject.toml`` says, which is where releases change it."""
    path = ROOT / "pyproject.toml"
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"


VERSION = _read()
