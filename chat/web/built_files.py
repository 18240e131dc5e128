"""The files in static/dist, which ``npm run build`` makes (build/bundle.mjs).

The name of each file contains a hash of its content, so a browser may keep it for ever. A process
keeps all of them in memory, with their compressed forms: they are less than a megabyte.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chat.config.parsers import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "static" / "dist"
MANIFEST = "manifest.json"
ADDRESS = "/static/dist/"
BUILD = "run `npm ci && npm run build` (`make run` does it)"

SUFFIXES = {"br": ".br", "gzip": ".gz"}  # of compressed forms, the smallest first
TYPES = {
    ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
    ".map": "application/json",
}  # fmt: skip
HASH = re.compile(r"-[0-9A-Z]{8}(?=\.\w+$)")

# As in build/sources.mjs.
SOURCE_FOLDERS = ("static/js", "static/css", "build")
SOURCE_FILES = ("static/icon.svg", "static/icons.txt", "package-lock.json")


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file with its compressed forms by content encoding."""

    name: str
    mimetype: str
    content: bytes
    compressed: dict[str, bytes]


class BuiltFiles:
    """All files of one build."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Load the build; ConfigError if there is none."""
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            self.sources: str = manifest["sources"]
            self._names: dict[str, str] = manifest["files"]
            self._modules: dict[str, list[str]] = manifest["modules"]
            self._files = {file.name: file for file in _load(folder)}
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"The browser's files are not built: {BUILD}.") from error

    def address(self, name: str) -> str:
        """The address of the file that the project calls ``name``."""
        return ADDRESS + self._names[name]

    def modules(self, entry: str) -> list[str]:
        """The addresses of a script and of all modules that it imports."""
        return [ADDRESS + name for name in self._modules[entry]]

    def get(self, name: str) -> BuiltFile | None:
        """The file with exactly this name, hash included."""
        return self._files.get(name)

    def successor(self, name: str) -> BuiltFile | None:
        """The present form of a file with another hash: a page of another version asks for it."""
        return self._files.get(self._names.get(HASH.sub("", name), ""))

    def is_stale(self) -> bool:
        """Whether the sources are here and have changed since the build."""
        try:
            return self.sources != digest_of_sources()
        except FileNotFoundError:  # an installation without them
            return False


def _load(folder: Path) -> Iterator[BuiltFile]:
    for path in folder.iterdir():
        if path.suffix in TYPES:
            beside = {name: folder / (path.name + end) for name, end in SUFFIXES.items()}
            compressed = {name: one.read_bytes() for name, one in beside.items() if one.exists()}
            yield BuiltFile(path.name, TYPES[path.suffix], path.read_bytes(), compressed)


def digest_of_sources(root: Path = ROOT) -> str:
    """The same digest as in build/sources.mjs."""
    found = [path for folder in SOURCE_FOLDERS for path in (root / folder).rglob("*")]
    paths = [path.relative_to(root).as_posix() for path in found if path.is_file()]
    total = hashlib.sha256()
    for path in sorted([*paths, *SOURCE_FILES]):
        total.update(f"{path}\0".encode() + (root / path).read_bytes() + b"\0")
    return total.hexdigest()


def check(production: bool) -> str:
    """What is wrong with the build, as a line for the log; "" if nothing is.

    Raises ConfigError if there is no build. Only a development server looks at the sources.
    """
    files = BuiltFiles()
    if not production and files.is_stale():
        return "static/dist is older than its sources: run `npm run build` or `npm run watch`"
    return ""
