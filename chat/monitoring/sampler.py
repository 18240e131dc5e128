"""Gauges of this process, sampled once a second so that a scrape costs nothing.

Only the facts from Redis itself cost a round trip, every few seconds, with the door's timeouts.
"""

import logging
import platform
from itertools import count as counting

import gevent
from flask import Flask
from redis.exceptions import ResponseError

from chat import rollout
from chat.cache import fire_drill
from chat.monitoring import snapshot
from chat.monitoring.shared_dir import place
from chat.realtime.transport import manager, open_sockets
from chat.redis import Down
from chat.redis import metrics as redis_metrics
from chat.redis.client import redis
from chat.redis.pubsub import bus
from chat.telemetry import registry
from chat.telemetry.version import VERSION
from chat.web.memory import resident

log = logging.getLogger(__name__)

EVERY = 1.0
FACTS_EVERY = 5  # samples
_PYTHON = platform.python_version()
_FACTS = {
    "used_memory": registry.REDIS_MEMORY,
    "maxmemory": registry.REDIS_MEMORY_LIMIT,
    "connected_clients": registry.REDIS_CLIENTS,
    "keys": registry.REDIS_KEYS,
}


def watch(app: Flask) -> None:
    """Sample for ever, and publish the metrics for the other processes."""
    for number in counting():
        try:
            if number % FACTS_EVERY == 1:
                ask_redis()
            look(app)
            place.publish(snapshot.own())
        except Exception:
            log.exception("the figures of this process could not be taken")
        gevent.sleep(EVERY)


def look(app: Flask) -> None:
    """Set the gauges from data in this process, without I/O."""
    registry.BUILD.set(1, VERSION, _PYTHON)
    registry.SOCKETS.set(len(open_sockets.everyone()))
    registry.DELIVERIES.values.update(
        {("straight",): manager.counts.straight, ("queued",): manager.counts.queued}
    )
    registry.WRITES.values[()] = manager.counts.writes
    _look_at_redis()
    _look_at_mongo(app)
    _look_at_rollout(app)
    if (memory := resident()) is not None:
        registry.MEMORY.set(memory)


def ask_redis() -> None:
    """Set the gauges with facts from Redis; clear them if Redis is down or refuses."""
    told = redis.call(_facts, "figures") if redis.is_up() else None
    for name, gauge in _FACTS.items():
        if told and not isinstance(told, Down):
            gauge.set(told[name])
        else:
            gauge.clear()


def _facts(client: object) -> dict[str, float]:
    try:
        return redis_metrics.facts(client)
    except ResponseError:  # no permission to ask: that is not an outage
        return {}


def _look_at_redis() -> None:
    registry.REDIS_ENABLED.set(int(redis.enabled))
    registry.REDIS_UP.set(int(redis.is_up()))
    registry.FIRE_DRILL.set(int(fire_drill.phase() != fire_drill.NONE))
    registry.BREAKER_OPEN.set(int(redis.enabled and redis.breaker.is_open))
    pools = redis_metrics.pools(redis.kept.client) if redis.enabled else []
    registry.POOL_IN_USE.set(sum(map(redis_metrics.in_use, pools)))
    limit = redis.connector.most if redis.enabled else 0
    registry.POOL_LIMIT.set(limit * max(1, len(pools)))
    registry.OUTBOX.set(bus.counts()["waiting"])


def _look_at_mongo(app: Flask) -> None:
    status = app.extensions.get("chat_status")
    if status is not None and status.mongo.status in ("up", "down"):
        registry.MONGO_UP.set(int(status.mongo.status == "up"))


def _look_at_rollout(app: Flask) -> None:
    with app.app_context():
        for feature in rollout.FEATURES:
            share = rollout.percent(feature) if redis.enabled else 0
            registry.ROLLOUT.set(share / 100, feature)
