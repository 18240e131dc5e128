"""Several servers that belong together: Sentinel, Cluster, replica set, and TLS in front."""

import contextlib
import select
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymongo
import redis
from pymongo.errors import PyMongoError

from chat.embedded.binaries import find_mongod, find_valkey
from chat.embedded.mongo import Mongo
from chat.embedded.process import LOOPBACK, Process, listens
from tests.support.ports import free_port
from tests.support.waiting import eventually

START_SECONDS = 30
SLOTS = 16_384


class Node:
    """One valkey-server of several; its address stays the same when it is started again."""

    def __init__(
        self, folder: Path, name: str, *options: Any, conf: str = "", sentinel: bool = False
    ) -> None:
        """``conf`` is the text of a configuration; a Sentinel, which writes into it, needs none."""
        self.port = free_port()
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)  # there may be data to start from
        self.log = self.folder / "log"
        self.options = [str(option) for option in options]
        self.conf: Path | None = self.folder / "server.conf" if conf or sentinel else None
        if self.conf:
            self.conf.write_text(conf, encoding="utf-8")
        self.sentinel = sentinel
        self.process: Process | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> "Node":
        command = [str(find_valkey(self.folder)), *([str(self.conf)] if self.conf else [])]
        command += ["--sentinel"] if self.sentinel else []
        command += ["--port", str(self.port), "--bind", LOOPBACK, "--dir", str(self.folder)]
        command += self.options
        self.process = Process(command, title="valkey-server", log=self.log)
        assert self.process.wait_until(self._answers, START_SECONDS), self.log.read_text()
        return self

    def client(self) -> Any:
        return redis.Redis(host=LOOPBACK, port=self.port, decode_responses=True)

    def ask(self, *command: Any) -> Any:
        with contextlib.closing(self.client()) as client:
            return client.execute_command(*command)

    def role(self) -> str:
        return str(self.ask("ROLE")[0])

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def hang(self) -> None:
        assert self.process
        self.process.popen.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process
        self.process.popen.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.RedisError:
            return False


class Watched:
    """A master, a replica, and Sentinels that agree after a second of silence."""

    NAME = "chat"

    def __init__(self, folder: Path, sentinels: int = 3) -> None:
        keep = ("--save", "", "--appendonly", "yes", "--repl-diskless-sync-delay", 0)
        self.master, self.replica = Node(folder, "one", *keep), Node(folder, "two", *keep)
        self.master.start()
        self._start_replica()
        self.sentinels = [Node(folder, f"s{n}", sentinel=True).start() for n in range(sentinels)]
        for each in self.sentinels:
            quorum = sentinels // 2 + 1
            each.ask("SENTINEL", "MONITOR", self.NAME, LOOPBACK, self.master.port, quorum)
            for name, value in (("down-after-milliseconds", 1000), ("failover-timeout", 5000)):
                each.ask("SENTINEL", "SET", self.NAME, name, value)
        eventually(self._know_each_other)

    @property
    def setting(self) -> str:
        """REDIS_SENTINEL."""
        return ",".join((self.NAME, *(each.address for each in self.sentinels)))

    def elected(self) -> int:
        """The port of the master that the Sentinels name."""
        return int(self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.NAME)[1])

    def has_failed_over(self) -> bool:
        return self.elected() == self.replica.port and self.replica.role() == "master"

    def bring_back(self) -> None:
        """After a failover: the one that was the master follows the new one."""
        self.master, self.replica = self.replica, self.master
        self._start_replica()
        eventually(self._know_each_other)

    def _start_replica(self) -> None:
        replica = self.replica
        own = list(replica.options)
        replica.options += ["--replicaof", f"{LOOPBACK} {self.master.port}"]
        replica.start().options = own
        eventually(lambda: replica.client().info("replication")["master_link_status"] == "up")

    def close(self) -> None:
        for node in (*self.sentinels, self.master, self.replica):
            node.kill()

    def _know_each_other(self) -> bool:
        for each in self.sentinels:
            client = each.client()
            if len(client.sentinel_sentinels(self.NAME)) < len(self.sentinels) - 1:
                return False
            replicas = [each["port"] for each in client.sentinel_slaves(self.NAME)]
            if self.elected() != self.master.port or self.replica.port not in replicas:
                return False
        return True


class Sharded:
    """A Cluster of masters that share the slots, each with a replica if need be."""

    def __init__(
        self, folder: Path, masters: int = 3, replicas: bool = False, conf: str = ""
    ) -> None:
        self._conf = conf
        self._bus: dict[int, int] = {}
        self.masters = [self._node(folder, f"m{n}") for n in range(masters)]
        self.replicas = [self._node(folder, f"r{n}") for n in range(masters if replicas else 0)]
        for number, node in enumerate(self.masters):
            first, last = SLOTS * number // masters, SLOTS * (number + 1) // masters - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            self.masters[0].ask("CLUSTER", "MEET", LOOPBACK, node.port, self._bus[node.port])
        eventually(lambda: all(self.is_whole(node) for node in self.nodes))
        for node, master in zip(self.replicas, self.masters, strict=False):
            eventually(lambda n=node, m=master: self._follows(n, m))

    def _node(self, folder: Path, name: str) -> Node:
        bus = free_port()
        options: list[Any] = ["--cluster-port", bus]
        if not self._conf:
            options += ["--cluster-enabled", "yes", "--cluster-node-timeout", 1000]
            options += ["--save", "", "--appendonly", "yes", "--repl-diskless-sync-delay", 0]
        node = Node(folder, name, *options, conf=self._conf)
        self._bus[node.port] = bus
        return node.start()

    @property
    def nodes(self) -> list[Node]:
        return [*self.masters, *self.replicas]

    @property
    def setting(self) -> str:
        """REDIS_CLUSTER: two of the nodes, as somebody may have written down."""
        return ",".join(node.address for node in self.masters[:2])

    def is_whole(self, node: Node) -> bool:
        """Whether it knows all nodes, and all slots are served."""
        lines = node.ask("CLUSTER", "INFO").splitlines()
        return {"cluster_state:ok", f"cluster_known_nodes:{len(self.nodes)}"} <= set(lines)

    def owner_of(self, key: str) -> Node:
        """The master that has the slot of a key, as it says itself."""
        return next(node for node in self.masters if self._has(node, key))

    def _has(self, node: Node, key: str) -> bool:
        try:
            node.ask("EXISTS", key)
        except redis.exceptions.AskError:  # which MOVED is, too
            return False
        return True

    def begin_move(self, key: str, to: Node) -> "Move":
        """Open the slot of a key on both sides, as a rebalancing does."""
        return Move(self, int(to.ask("CLUSTER", "KEYSLOT", key)), self.owner_of(key), to)

    def keys(self) -> dict[int, list[str]]:
        """The keys on each master, by its port."""
        return {node.port: node.client().keys("*") for node in self.masters}

    def close(self) -> None:
        for node in self.nodes:
            node.kill()

    def _follows(self, node: Node, master: Node) -> bool:
        with contextlib.suppress(redis.RedisError):  # it does not know the master yet
            node.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID"))
        return node.role() in ("slave", "replica")


class Move:
    """The migration of one slot, a step at a time."""

    def __init__(self, cluster: Sharded, slot: int, source: Node, target: Node) -> None:
        self.cluster, self.slot, self.source, self.target = cluster, slot, source, target
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))

    def keys(self) -> list[str]:
        return list(self.source.ask("CLUSTER", "GETKEYSINSLOT", self.slot, 1000))

    def move(self, key: str) -> None:
        self.source.ask("MIGRATE", LOOPBACK, self.target.port, key, 0, 5000)

    def finish(self) -> None:
        """Move what is left, and tell every master who has the slot now."""
        while left := self.keys():
            for key in left:
                self.move(key)
        name = self.target.ask("CLUSTER", "MYID")
        for node in (self.target, self.source, *self.cluster.masters):
            node.ask("CLUSTER", "SETSLOT", self.slot, "NODE", name)


class ReplicaSet:
    """Three mongods, of which two are a majority."""

    QUICK = {
        "electionTimeoutMillis": 2000,
        "heartbeatIntervalMillis": 500,
        "catchUpTimeoutMillis": 0,
    }
    PATIENT = QUICK | {"electionTimeoutMillis": 10_000}  # as it is by default

    def __init__(self, folder: Path, members: int = 3, patient: bool = False) -> None:
        self.members = [self._mongod(folder / f"mongod-{n}") for n in range(members)]
        for each in self.members:
            assert each.process
            assert each.process.wait_until(lambda e=each: listens(e.port), START_SECONDS)
        hosts = [{"_id": n, "host": f"{LOOPBACK}:{m.port}"} for n, m in enumerate(self.members)]
        settings = self.PATIENT if patient else self.QUICK
        config = {"_id": "rs0", "members": hosts, "settings": settings}
        self.command(self.members[0], "replSetInitiate", config)
        eventually(self.primary)

    @property
    def uri(self) -> str:
        hosts = ",".join(f"{LOOPBACK}:{each.port}" for each in self.members)
        return f"mongodb://{hosts}/chat?replicaSet=rs0"

    def primary(self) -> Mongo | None:
        """Who takes writes now."""
        for each in self.members:
            with contextlib.suppress(PyMongoError):
                if self.command(each, "hello")["isWritablePrimary"]:
                    return each
        return None

    def step_down(self) -> Mongo:
        """Make the primary give up; who was it?"""
        was = self.primary()
        assert was is not None
        self.command(was, {"replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 5})
        return was

    @contextlib.contextmanager
    def parted(self) -> Iterator[Mongo]:
        """The primary hears nothing of the others; it takes that for a while before it gives up."""
        primary = self.primary()
        assert primary is not None
        others = [each for each in self.members if each is not primary]
        _send(signal.SIGSTOP, others)
        try:
            yield primary
        finally:
            _send(signal.SIGCONT, others)
            eventually(self.primary)

    @contextlib.contextmanager
    def replaced_by_the_others(self) -> Iterator[None]:
        """The same, and then the others elect one of them. When the old primary is back it undoes
        what it alone has stored."""
        with self.parted() as was:
            yield
            _send(signal.SIGSTOP, [was])
        _send(signal.SIGCONT, [was])
        eventually(lambda: self.command(was, "hello")["secondary"])

    def command(self, member: Mongo, *command: Any) -> Any:
        address = f"mongodb://{LOOPBACK}:{member.port}/?directConnection=true"
        client: Any = pymongo.MongoClient(address, serverSelectionTimeoutMS=2000)
        with contextlib.closing(client):
            return client.admin.command(*command)

    def close(self) -> None:
        for each in self.members:
            each.kill()

    @staticmethod
    def _mongod(folder: Path) -> Mongo:
        data = folder / "data"
        data.mkdir(parents=True)
        server = Mongo(find_mongod(folder), data, folder / "log")
        server.launch()
        return server


def _send(what: signal.Signals, members: list[Mongo]) -> None:
    for each in members:
        assert each.process
        each.process.popen.send_signal(what)


class TlsFront:
    """A provider's TLS in front of a plain server, with a certificate that nobody vouches for."""

    def __init__(self, folder: Path, target: int) -> None:
        self.target = target
        self.certificate = folder / "cert.pem"
        key = folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                   "-subj", "/CN=redis.provider.example",
                   "-addext", f"subjectAltName=IP:{LOOPBACK}", "-keyout", str(key),
                   "-out", str(self.certificate)]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self.listener.getsockname()[1]
        self.accepted = 0
        _in_background(self._serve)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                line, _ = self.listener.accept()
                _in_background(lambda line=line: self._connect(line))

    def _connect(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError):  # refused by the client, or either side has gone
            secure = self.context.wrap_socket(line, server_side=True)
            self.accepted += 1
            with secure, socket.create_connection((LOOPBACK, self.target)) as plain:
                _pass_on(secure, plain)

    def close(self) -> None:
        self.listener.close()


def _in_background(fn: Callable[[], None]) -> None:
    threading.Thread(target=fn, daemon=True).start()


def _pass_on(secure: ssl.SSLSocket, plain: socket.socket) -> None:
    """Both ways, until one side ends; by one thread, because one TLS line is no thing for two."""
    while True:
        ready = [secure] if secure.pending() else select.select([secure, plain], [], [])[0]
        for source in ready:
            data = source.recv(65_536)
            if not data:
                return
            (plain if source is secure else secure).sendall(data)
