"""The browser's files are built from the sources as they are, once before the tests."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from chat.config.parsers import ConfigError
from chat.web import built_files
from chat.web.built_files import BuiltFiles

ROOT = built_files.ROOT
BUILD_SECONDS = 120


def bring_up_to_date() -> None:
    """Build if there is no build, or if a source has changed since. One process at a time."""
    with (ROOT / "build" / "main.mjs").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if _is_stale(ROOT):
            build(ROOT)


def build(root: Path) -> None:
    """`npm run build`, with the Node that may lie beside Python."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    node = shutil.which("node", path=path)
    assert node, "The browser's files must be built, and there is no node: run make test"
    subprocess.run([node, "build/main.mjs"], cwd=root, check=True, timeout=BUILD_SECONDS)


def _is_stale(root: Path) -> bool:
    try:
        return BuiltFiles(root / "static" / "dist").sources != built_files.digest_of_sources(root)
    except ConfigError:
        return True
