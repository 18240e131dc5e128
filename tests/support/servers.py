"""One MongoDB and one Redis-compatible server for a whole run, made by the embedded mode's code."""

from pathlib import Path

from chat.embedded.binaries import find_valkey
from chat.embedded.valkey import Valkey


def start_valkey(folder: Path) -> Valkey:
    """A server with data and log of its own."""
    data = folder / "valkey"
    data.mkdir(parents=True)
    server = Valkey(find_valkey(folder), data, folder / "valkey.log")
    server.start()
    return server
