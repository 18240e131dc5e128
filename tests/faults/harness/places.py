"""The kinds of MongoDB and Redis for a trial: one of each, several together, or embedded ones."""

from pathlib import Path

from chat.embedded.mongo import Mongo
from tests.support.processes import new_database
from tests.support.proxy import Line
from tests.support.servers import Redis, start_valkey
from tests.support.supervised import Supervised
from tests.support.topologies import ReplicaSet, Sharded, Watched

ONE, BEHIND_LINE, SENTINEL = "one", "behind a line", "sentinel"
EMBEDDED = "embedded"
CLUSTER, CLUSTER_WITH_REPLICAS = "cluster", "cluster with replicas"
# A primary of the second gives up after ten seconds, as it is by default.
REPLICA_SET, PATIENT_SET = "replica set", "patient replica set"


class Places:
    """The servers of one trial. ``env`` tells the processes where they are."""

    def __init__(self, kind: str, folder: Path, mongod: Mongo) -> None:
        self.redis: Redis | None = None
        self.line: Line | None = None
        self.watched: Watched | None = None
        self.sharded: Sharded | None = None
        self.members: ReplicaSet | None = None
        self.supervised: Supervised | None = None
        if kind == EMBEDDED:
            self.supervised = Supervised(folder).start()
            self.env = self.supervised.places()
            return
        if kind in (REPLICA_SET, PATIENT_SET):
            self.members = ReplicaSet(folder / "mongods", patient=kind == PATIENT_SET)
        self.env = {"MONGODB_URI": new_database(self.members.uri if self.members else mongod.uri)}
        self.env |= self._redis(kind, folder)

    def _redis(self, kind: str, folder: Path) -> dict[str, str]:
        if kind == SENTINEL:
            self.watched = Watched(folder / "watched")
            return {"REDIS_SENTINEL": self.watched.setting}
        if kind in (CLUSTER, CLUSTER_WITH_REPLICAS):
            self.sharded = Sharded(folder / "cluster", replicas=kind == CLUSTER_WITH_REPLICAS)
            return {"REDIS_CLUSTER": self.sharded.setting}
        self.redis = start_valkey(folder / "redis")
        self.line = Line(self.redis.port) if kind == BEHIND_LINE else None
        port = self.line.port if self.line else self.redis.port
        return {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}

    def close(self) -> None:
        if self.line:
            self.line.close()
        if self.redis:
            self.redis.kill()
        if self.supervised:
            self.supervised.stop()
        for several in (self.watched, self.sharded, self.members):
            if several:
                several.close()
