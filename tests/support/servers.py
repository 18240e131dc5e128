"""Real servers, started by the code of the embedded mode: one of each kind for a run, or more."""

import atexit
import contextlib
import signal
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import redis

from chat.embedded.binaries import find_mongod, find_valkey
from chat.embedded.mongo import Mongo
from chat.embedded.valkey import Valkey
from tests.support.ports import free_port

# Whose database in the run's Redis has which number; 0 is free.
SHARED_APP, BROWSERS, SMALL_APP, IN_PROCESS = range(1, 5)


class Redis(Valkey):
    """A server that can be asked, hung, killed, and started again on its port."""

    def url_of(self, database: int) -> str:
        return self.url.replace("/0", f"/{database}")

    def client(self, database: int = 0) -> Any:
        return redis.Redis.from_url(self.url_of(database), decode_responses=True)

    def restart(self) -> None:
        """Back on the same port, with what was on its disk."""
        port = self.port
        self.start()
        assert self.port == port

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        assert self.process
        self.process.popen.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.popen.send_signal(signal.SIGCONT)


def start_valkey(folder: Path) -> Redis:
    """A server with data and log of its own."""
    data = folder / "valkey"
    data.mkdir(parents=True)
    server = Redis(find_valkey(folder), data, folder / "valkey.log", free_port())
    server.start()
    return server


def start_mongod(folder: Path) -> Mongo:
    """A one-node replica set with data and log of its own."""
    data = folder / "mongo"
    data.mkdir(parents=True)
    server = Mongo(find_mongod(folder), data, folder / "mongod.log", free_port())
    server.start()
    return server


@lru_cache(maxsize=1)
def the_mongod() -> Mongo:
    """The one MongoDB of the run; whoever uses it has a database of their own there."""
    server = start_mongod(_folder())
    atexit.register(server.stop)
    return server


@lru_cache(maxsize=1)
def the_valkey() -> Redis:
    """The one Redis of the run, for tests that leave it alone."""
    server = start_valkey(_folder())
    atexit.register(server.stop)
    return server


def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="chat-tests-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)  # after the server has stopped: the last is the first
    return Path(folder.name)
