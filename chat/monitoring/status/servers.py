"""What MongoDB and Redis report about themselves.

The leader asks; the last report is kept while a server is down. Facts that our account may not read
are left out.
"""

import time
from typing import Any

import pymongo
from flask import current_app
from mongoengine.connection import get_connection
from pymongo.errors import OperationFailure, PyMongoError
from redis.exceptions import ResponseError

from chat.models import Backup
from chat.models.driver import Denied
from chat.monitoring.snapshot import Snapshot
from chat.redis import Down
from chat.redis.client import redis
from chat.telemetry import registry

MONGO_SECONDS = 1.0
Gauges = dict[str, dict[str, float]]

_SECTIONS = ("server", "replication", "persistence")
_WANTED = (
    "redis_version", "valkey_version", "uptime_in_seconds", "role", "connected_slaves",
    "master_link_status", "aof_enabled", "rdb_last_bgsave_status", "rdb_last_save_time",
    "aof_last_write_status", "loading",
)  # fmt: skip
_FIGURES = {"used": registry.REDIS_MEMORY, "limit": registry.REDIS_MEMORY_LIMIT,
            "clients": registry.REDIS_CLIENTS, "keys": registry.REDIS_KEYS}  # fmt: skip
# Long sections of serverStatus that we do not need.
_UNREAD = dict.fromkeys(("metrics", "wiredTiger", "tcmalloc", "repl", "locks", "opLatencies"), 0)


def gauges_of(snap: Snapshot) -> Gauges:
    """The gauges of a snapshot by name and labels."""
    return {name: {"/".join(labels): value for labels, value in pairs}
            for name, pairs in snap["gauges"].items()}  # fmt: skip


def one(gauges: Gauges, figure: registry.Gauge, default: Any = None) -> Any:
    """The value of a gauge without labels."""
    return gauges.get(figure.name, {}).get("", default)


def figures(gauges: Gauges) -> dict[str, float | None]:
    """Redis's memory, its limit, connections and keys, as far as they are known."""
    return {name: one(gauges, figure) for name, figure in _FIGURES.items()}


def ask_redis(before: dict[str, Any], snap: Snapshot) -> dict[str, Any]:
    """The report of Redis with its time (``at``) and ``figures``; the last report while it is down.

    For a Cluster it is the report of the first master.
    """
    told = redis.call(_info, "status") if redis.is_up() else None
    if told is None or isinstance(told, Down):
        return before
    if not told:
        return {}
    known = {name: value for name, value in figures(gauges_of(snap)).items() if value is not None}
    return {**told, "at": time.time(), "figures": {**before.get("figures", {}), **known}}


def _info(client: Any) -> dict[str, Any]:
    if hasattr(client, "get_primaries"):
        client = client.get_redis_connection(client.get_primaries()[0])
    pipe = client.pipeline(transaction=False)
    for section in _SECTIONS:
        pipe.info(section)
    try:
        told = pipe.execute()
    except ResponseError:  # no permission to ask: that is not an outage
        return {}
    return {name: part[name] for part in told for name in _WANTED if name in part}


def ask_mongo(before: dict[str, Any]) -> dict[str, Any]:
    """The report of MongoDB; the last report while it is down."""
    if current_app.extensions["chat_status"].mongo.status != "up":
        return before
    try:
        with pymongo.timeout(MONGO_SECONDS):
            admin = get_connection().admin
            hello, build = admin.command("hello"), admin.command("buildInfo")
            return {"version": build["version"], "set": hello.get("setName", ""),
                    "members": len(hello.get("hosts", ())), "backup": Backup.read(),
                    **_load(admin)}  # fmt: skip
    except PyMongoError:
        return before


def _load(admin: Any) -> dict[str, Any]:
    """Connections and memory, if our account may ask (role clusterMonitor)."""
    try:
        told = admin.command("serverStatus", **_UNREAD)
    except (OperationFailure, Denied):
        return {}
    connections, memory = told.get("connections", {}), told.get("mem", {})
    megabytes = memory.get("resident")
    return {"open": connections.get("current"), "free": connections.get("available"),
            "resident": megabytes * 1048576 if megabytes else None}  # fmt: skip
