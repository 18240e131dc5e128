"""MongoDB and Redis on the status page, from known facts; no server is asked."""

from datetime import UTC, datetime
from typing import Any

from mongoengine.connection import get_connection
from pymongo.topology_description import TopologyDescription

from chat.cache import fire_drill
from chat.monitoring.status import advice, backups
from chat.monitoring.status.servers import Gauges, figures, one
from chat.redis.client import redis
from chat.telemetry import registry

PAUSED = "paused"  # by a fire drill


def of_mongo(probe: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The facts about MongoDB."""
    return {**probe, **facts, **members(get_connection().topology_description),
            "last_backup": backups.of_mongodb(facts)}  # fmt: skip


def members(topology: TopologyDescription) -> dict[str, Any]:
    """The members of the replica set, and how many answer the driver, which monitors them.

    ``known`` is 0 if the driver monitors only one server: a standalone one, or the one of a
    directConnection.
    """
    found = topology.server_descriptions()
    if not topology.topology_type_name.startswith("ReplicaSet"):
        return {"known": 0, "answering": 0, "primary": ""}
    primary = [place for place, told in found.items() if told.server_type_name == "RSPrimary"]
    return {
        "set": topology.replica_set_name or "",
        "known": len(found),
        "answering": sum(told.is_server_type_known for told in found.values()),
        "primary": "{}:{}".format(*primary[0]) if primary else "",
    }


def of_redis(door: dict[str, Any], facts: dict[str, Any], gauges: Gauges) -> dict[str, Any]:
    """The facts about Redis; ``as_of`` is their time if they are not current."""
    told = figures(gauges)
    if told["used"] is None:
        told |= facts.get("figures", {})
    kind = "Valkey" if "valkey_version" in facts else "Redis"
    version = facts.get("valkey_version") or facts.get("redis_version")
    if fire_drill.phase() == fire_drill.AWAY:
        door = {**door, "status": PAUSED, "error": None, "next_retry_s": None}
    away = door["status"] != "up" and "at" in facts
    return {
        **door,
        "advice": advice.on_redis(door.get("reason")) if door["status"] == "down" else "",
        "version": f"{kind} {version}" if version else "",
        **told,
        "limit": told["limit"] or None,
        "share": 100 * told["used"] / told["limit"]
        if told["used"] is not None and told["limit"] else None,
        "in_use": one(gauges, registry.POOL_IN_USE, 0),
        "pool": one(gauges, registry.POOL_LIMIT, 0),
        "facts": facts,
        "as_of": datetime.fromtimestamp(facts["at"], UTC).isoformat() if away else "",
        "mode": redis.connector.mode if redis.enabled else "",
        "saved_ago": backups.of_redis(facts),
    }  # fmt: skip
