"""A real `mongod` as a one-node replica set, so that majority writes behave as in production."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from chat.embedded import EmbeddedError
from chat.embedded.process import LOOPBACK, is_free, listens, stop_orphan
from chat.embedded.server import Server

REPLICA_SET = "rs0"
USER = "chat"
NOT_YET_INITIALIZED, ALREADY_INITIALIZED = 94, 23
AUTHENTICATION_FAILED, USER_NOT_FOUND = 18, 11
# After a change of port mongod asks at the old one whether that is itself; should something listen
# there and stay silent, it takes half a minute to give up.
START_SECONDS, PRIMARY_SECONDS = 60, 90
ANSWER_MS = 500
TRIES = 5


@dataclass(frozen=True)
class Access:
    """Who may use a mongod: whoever knows ``password``. ``keyfile`` holds what the members of its
    replica set prove themselves with; who knows that may do everything. Both letters and digits."""

    password: str
    keyfile: Path

    @property
    def key(self) -> str:
        return self.keyfile.read_text(encoding="utf-8").strip()


class Mongo(Server):
    """One `mongod`; ``start`` returns when it takes majority writes."""

    title = "mongod"
    stop_seconds = 20

    def __init__(
        self,
        binary: Path,
        data: Path,
        log: Path,
        port: int = 0,
        cache_gb: float = 0.25,
        access: Access | None = None,
    ) -> None:
        """Without ``access`` it serves everybody on the machine."""
        super().__init__(binary, data, log, port)
        self.cache_gb = cache_gb
        self.access = access

    @property
    def uri(self) -> str:
        user = f"{USER}:{self.access.password}@" if self.access else ""
        source = "&authSource=admin" if self.access else ""
        return f"mongodb://{user}{LOOPBACK}:{self.port}/chat?directConnection=true{source}"

    def wait(self) -> None:
        """Wait until it is the primary of its set; take another port if its own was snatched."""
        for _ in range(TRIES):
            assert self.process is not None
            if self.process.wait_until(lambda: listens(self.port), START_SECONDS):
                with self._as_member() as client:
                    self._become_primary(client)
                    self._let_the_app_in(client)
                return
            if is_free(self.port):
                break  # it ended for a reason of its own
            self.port = 0
            self.launch()
        raise self.process.failure() if self.process else EmbeddedError("mongod was not started.")

    def answers(self) -> bool:
        """Whether it takes writes; it says so to everybody."""
        if not listens(self.port):
            return False
        with self._client(serverSelectionTimeoutMS=ANSWER_MS, socketTimeoutMS=ANSWER_MS) as client:
            try:
                return bool(client.admin.command("hello").get("isWritablePrimary"))
            except PyMongoError:
                return False

    def _command(self) -> list[str]:
        options: dict[str, Any] = {
            "--dbpath": self.data,
            "--port": self.port,
            "--bind_ip": LOOPBACK,
            "--replSet": REPLICA_SET,
            "--oplogSize": 128,
            "--wiredTigerCacheSizeGB": self.cache_gb,
            # Useless on loopback, and a hole in old versions (CVE-2025-14847).
            "--networkMessageCompressors": "disabled",
        }
        parameters: dict[str, Any] = {
            # A lone primary has nobody to hand over to while it shuts down.
            "shutdownTimeoutMillisForSignaledShutdown": 100,
            "diagnosticDataCollectionEnabled": "false",
        }
        if self.access:
            options["--keyFile"] = self.access.keyfile
            # Otherwise the first user could be made by anybody on the machine.
            parameters["enableLocalhostAuthBypass"] = 0
        command = [str(self.binary), "--nounixsocket", "--quiet"]
        command += [str(part) for option in options.items() for part in option]
        for name, value in parameters.items():
            command += ["--setParameter", f"{name}={value}"]
        return command

    def _as_member(self) -> Any:
        """A client with the rights of a member of the set: also where no user was ever made."""
        who: dict[str, Any] = {}
        if self.access:
            who = {"username": "__system", "password": self.access.key, "authSource": "local"}
        return self._client(**who)

    def _client(self, **options: Any) -> Any:
        options = {"serverSelectionTimeoutMS": 10_000, "directConnection": True, **options}
        client: Any = pymongo.MongoClient(LOOPBACK, self.port, **options)
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

    def _let_the_app_in(self, member: Any) -> None:
        """Make the app's user, or give it the password of this folder if it has another one."""
        if not self.access or self._app_is_let_in():
            return
        account = {"pwd": self.access.password, "roles": ["root"]}
        try:
            member.admin.command("updateUser", USER, **account)
        except OperationFailure as error:
            if error.code != USER_NOT_FOUND:
                raise
            member.admin.command("createUser", USER, **account)

    def _app_is_let_in(self) -> bool:
        assert self.access
        with self._client(username=USER, password=self.access.password) as client:
            try:
                client.admin.command("ping")
            except OperationFailure as error:
                if error.code != AUTHENTICATION_FAILED:
                    raise
                return False
        return True

    def _stop_left_over(self) -> None:
        try:
            pid = int((self.data / "mongod.lock").read_text(encoding="utf-8").strip() or 0)
        except (OSError, ValueError):
            return
        stop_orphan(pid, str(self.data))


def _initiate(admin: Any, member: dict[str, Any]) -> None:
    try:
        admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:  # it has not read its configuration yet
            raise
