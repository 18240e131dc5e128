"""A real `mongod` as a one-node replica set, so that majority writes behave as in production."""

import contextlib
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import ConnectionFailure, OperationFailure

from chat.embedded import EmbeddedError
from chat.embedded.process import LOOPBACK, Process, free_port, is_free, listens, stop_orphan

REPLICA_SET = "rs0"
NOT_YET_INITIALIZED, ALREADY_INITIALIZED = 94, 23
# After a change of port mongod asks at the old one whether that is itself; should something listen
# there and stay silent, it takes half a minute to give up.
START_SECONDS, PRIMARY_SECONDS, STOP_SECONDS = 60, 90, 20
TRIES = 5


class Mongo:
    """One `mongod`; ``start`` returns when it takes majority writes."""

    def __init__(
        self, binary: Path, data: Path, log: Path, port: int = 0, cache_gb: float = 0.25
    ) -> None:
        self.binary, self.data, self.log = binary, data, log
        self.port = port
        self.cache_gb = cache_gb
        self.process: Process | None = None

    @property
    def uri(self) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/chat?directConnection=true"

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the process without waiting for it."""
        stop_orphan(self._pid_left_over(), str(self.data))
        if not self.port or not is_free(self.port):
            self.port = free_port()
        self.process = Process(self._command(), title="mongod", log=self.log)

    def wait(self) -> None:
        """Wait until it is the primary of its set; take another port if its own was snatched."""
        for _ in range(TRIES):
            assert self.process is not None
            if self.process.wait_until(lambda: listens(self.port), START_SECONDS):
                with self._client() as client:
                    self._become_primary(client)
                return
            if is_free(self.port):
                break  # it ended for a reason of its own
            self.port = 0
            self.launch()
        raise self.process.failure() if self.process else EmbeddedError("mongod was not started.")

    def stop(self) -> None:
        if self.process:
            self.process.stop(STOP_SECONDS)

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def _command(self) -> list[str]:
        options: dict[str, Any] = {
            "--dbpath": self.data,
            "--port": self.port,
            "--bind_ip": LOOPBACK,
            "--replSet": REPLICA_SET,
            "--oplogSize": 128,
            "--wiredTigerCacheSizeGB": self.cache_gb,
        }
        parameters = {
            # A lone primary has nobody to hand over to while it shuts down.
            "shutdownTimeoutMillisForSignaledShutdown": 100,
            "diagnosticDataCollectionEnabled": "false",
        }
        command = [str(self.binary), "--nounixsocket", "--quiet"]
        command += [str(part) for option in options.items() for part in option]
        for name, value in parameters.items():
            command += ["--setParameter", f"{name}={value}"]
        return command

    def _client(self) -> Any:
        client: Any = pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=10_000)
        return contextlib.closing(client)

    def _become_primary(self, client: Any) -> None:
        assert self.process is not None
        if not self.process.wait_until(lambda: self._is_settled(client), PRIMARY_SECONDS):
            raise self.process.failure()

    def _is_settled(self, client: Any) -> bool:
        """Whether it is the primary of a set that knows it under its present address."""
        try:
            self._configure(client.admin)
            return bool(client.admin.command("hello").get("isWritablePrimary"))
        except ConnectionFailure:  # it closes all connections when its role changes
            return False

    def _configure(self, admin: Any) -> None:
        """Make the set, or tell it the port of this run."""
        wanted = {"_id": 0, "host": f"{LOOPBACK}:{self.port}"}
        try:
            config = admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                raise
            _initiate(admin, wanted)
            return
        if config["members"][0]["host"] != wanted["host"]:
            config["members"] = [wanted]
            config["version"] += 1
            admin.command("replSetReconfig", config, force=True)

    def _pid_left_over(self) -> int:
        try:
            return int((self.data / "mongod.lock").read_text(encoding="utf-8").strip() or 0)
        except (OSError, ValueError):
            return 0


def _initiate(admin: Any, member: dict[str, Any]) -> None:
    try:
        admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:  # it has not read its configuration yet
            raise
