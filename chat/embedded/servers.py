"""Both servers of one data folder, started side by side and stopped in order."""

from collections.abc import Mapping
from pathlib import Path

from chat.embedded.binaries import find_mongod, find_valkey
from chat.embedded.datadir import DataDir
from chat.embedded.mongo import Access, Mongo
from chat.embedded.valkey import Valkey

REDIS_ELSEWHERE = ("REDIS_URL", "REDIS_SENTINEL", "REDIS_CLUSTER", "DISABLE_REDIS")


class Servers:
    """The servers that ``settings`` leave to us; the others are somebody else's."""

    def __init__(self, data: DataDir, settings: Mapping[str, object]) -> None:
        self.data = data
        self.mongo = None if settings["MONGODB_URI"] else self._mongo()
        elsewhere = any(settings[name] for name in REDIS_ELSEWHERE)
        self.valkey = None if elsewhere else self._valkey()

    def start(self) -> dict[str, str]:
        """Start them at the same time; the answer is the environment that leads to them."""
        found = {}
        for server in self.all:
            server.launch()
        if self.valkey:
            self.valkey.wait()
            self.data.note("valkey_port", str(self.valkey.port))
            self.data.note("redis_url", self.valkey.url)
            found["REDIS_URL"] = self.valkey.url
        if self.mongo:
            self.mongo.wait()
            self.data.note("mongod_port", str(self.mongo.port))
            self.data.note("mongodb_uri", self.mongo.uri)
            found["MONGODB_URI"] = self.mongo.uri
        return found

    def stop(self) -> None:
        """Valkey first, MongoDB last: the truth outlives what is derived from it."""
        for server in reversed(self.all):
            server.stop()

    def kill(self) -> None:
        for server in reversed(self.all):
            server.kill()

    @property
    def all(self) -> list[Mongo | Valkey]:
        return [server for server in (self.mongo, self.valkey) if server]

    def _mongo(self) -> Mongo:
        return Mongo(
            find_mongod(self.data.path / "bin"),
            self.data.folder("mongo"),
            self._log("mongod"),
            self._port("mongod"),
            access=Access(
                self.data.secret("mongodb_password"), self.data.secret_file("mongodb_keyfile")
            ),
        )

    def _valkey(self) -> Valkey:
        return Valkey(
            find_valkey(self.data.path / "bin"),
            self.data.folder("valkey"),
            self._log("valkey"),
            self._port("valkey"),
            password=self.data.secret("redis_password"),
        )

    def _port(self, name: str) -> int:
        """The port of the last run, so that addresses stay the same where they can."""
        text = self.data.recall(f"{name}_port")
        return int(text) if text.isdigit() else 0

    def _log(self, name: str) -> Path:
        return self.data.folder("logs") / f"{name}.log"
