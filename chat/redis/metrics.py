"""Measures how long round trips to Redis take, by family: get, set, script or other.

A pipeline counts for the family of its first command. Most cached data is read and written by
scripts. Such scripts are registered with ``learn`` and count as get or set.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any

from redis import Redis

from chat.redis import cluster
from chat.redis.pipeline import Command, Pipeline, ServerClient
from chat.telemetry import registry
from chat.telemetry.metric_types import Switch

GET, SET, SCRIPT, OTHER = "get", "set", "script", "other"
_FAMILIES = dict.fromkeys(
    ("GET", "MGET", "TTL", "PTTL", "EXISTS", "STRLEN", "HGET", "HGETALL", "HMGET", "HLEN",
     "LRANGE", "LLEN", "LINDEX", "SMEMBERS", "SISMEMBER", "SCARD", "ZRANGE", "ZCARD", "ZSCORE",
     "ZMSCORE", "ZREVRANGEBYSCORE", "ZRANGEBYSCORE", "ZCOUNT"), GET,
) | dict.fromkeys(
    ("SET", "SETEX", "MSET", "DEL", "UNLINK", "EXPIRE", "PEXPIRE", "HSET", "HDEL", "HINCRBY",
     "RPUSH", "LPUSH", "LTRIM", "SADD", "SREM", "ZADD", "ZREM", "INCR", "INCRBY", "RENAME"), SET,
)  # fmt: skip
_SCRIPTS: dict[str, str] = {}  # by text and by hash


def learn(family: str, scripts: Iterable[tuple[str, str]]) -> None:
    """Count these scripts (text, hash) as ``family``: GET or SET."""
    for text, sha in scripts:
        _SCRIPTS[text] = _SCRIPTS[sha] = family


def family_of(command: tuple[Any, ...]) -> str:
    """The family of a command."""
    verb = command[0]
    if verb in ("EVALSHA", "EVAL"):
        return _SCRIPTS.get(command[1], SCRIPT)
    return _FAMILIES.get(verb, OTHER)


def watch(client: Any) -> Any:
    """Measure all round trips of a client from now on; the same client."""
    run, pipeline = client.execute_command, client.pipeline
    if isinstance(client, ServerClient):
        client.together = partial(_together, client.together)  # type: ignore[method-assign]
    if isinstance(client, cluster.Cluster):
        pipeline = partial(_watched, pipeline)
    elif isinstance(client, Redis):
        pipeline = partial(Pipe, client.connection_pool, client.response_callbacks)

    def execute_command(*args: Any, **options: Any) -> Any:
        began = perf_counter()
        try:
            return run(*args, **options)
        finally:
            if Switch.on:
                registry.REDIS_CALLS.observe(perf_counter() - began, family_of(args))

    client.execute_command, client.pipeline = execute_command, pipeline
    return client


def _watched(pipeline: Any, *args: Any, **options: Any) -> Any:
    pipe = pipeline(*args, **options)
    pipe.__class__ = ClusterPipe
    return pipe


def _together(send: Callable[[Sequence[Command]], list[Any]], commands: Sequence[Command]) -> list:
    if not (Switch.on and commands):
        return send(commands)
    with _measured(commands[0]):
        return send(commands)


@contextmanager
def _measured(first: Any) -> Iterator[None]:
    """Measure the block as a call of the family of ``first``, a command."""
    family, began = family_of(first), perf_counter()
    try:
        yield
    finally:
        registry.REDIS_CALLS.observe(perf_counter() - began, family)


class Pipe(Pipeline):
    """A pipeline that is measured."""

    def __init__(
        self, pool: Any, callbacks: Any, transaction: bool = True, shard_hint: Any = None
    ) -> None:
        super().__init__(pool, callbacks, transaction, shard_hint)

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        if not (Switch.on and self.command_stack):
            return super().execute(raise_on_error)
        with _measured(self.command_stack[0][0]):
            return super().execute(raise_on_error)


class ClusterPipe(cluster.ClusterPipeline):
    """A Cluster pipeline that is measured."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        if not (Switch.on and self._commands):
            return super().execute(raise_on_error)
        with _measured(self._commands[0][0]):
            return super().execute(raise_on_error)


def pools(client: Any) -> list[Any]:
    """The connection pools of a client: one, or one for each node of a Cluster."""
    if client is None:
        return []
    if (pool := getattr(client, "connection_pool", None)) is not None:
        return [pool]
    nodes = client.get_nodes() if hasattr(client, "get_nodes") else []
    clients = [node.redis_connection for node in nodes]
    return [each.connection_pool for each in clients if each is not None]


def in_use(pool: Any) -> int:
    """How many connections of a pool are in use. Its queue has one entry for each other one."""
    return int(pool.max_connections - pool.pool.qsize())


def facts(client: Any) -> dict[str, float]:
    """Memory, its limit, clients and keys of Redis; in a Cluster, the sums of all masters."""
    if hasattr(client, "get_primaries"):
        nodes = [client.get_redis_connection(node) for node in client.get_primaries()]
    else:
        nodes = [client]
    found = dict.fromkeys(("used_memory", "maxmemory", "connected_clients", "keys"), 0.0)
    for node in nodes:
        pipe = node.pipeline(transaction=False)
        pipe.info("memory")
        pipe.info("clients")
        pipe.dbsize()
        memory, clients, keys = pipe.execute()
        found["keys"] += keys
        for name, value in {**memory, **clients}.items():
            if name in found:
                found[name] += value
    return found
