"""Builds clients for the three kinds of installation: one server, Sentinel, Cluster."""

import random
from collections.abc import Callable, Mapping
from typing import Any

import redis
from flask import Flask
from redis.cluster import ClusterNode
from redis.connection import BlockingConnectionPool, parse_url
from redis.sentinel import Sentinel, SentinelConnectionPool

from chat.config.urls import host_and_port
from chat.redis.cluster import Cluster
from chat.redis.pipeline import ServerClient
from chat.redis.timed_socket import TimedSocket
from chat.redis.timeouts import POOL_WAIT, limits

Hosts = list[tuple[str, int]]
OnConnect = Callable[[Any], None]


def is_configured(app: Flask) -> bool:
    """Whether any setting names a Redis."""
    return any(app.config.get(name) for name in ("REDIS_URL", "REDIS_SENTINEL", "REDIS_CLUSTER"))


class TcpConnection(redis.Connection):
    """A TCP connection that checks for unread data with one system call, not with a poller."""

    def can_read(self, timeout: float = 0) -> bool:
        """Whether unread data has arrived. The library asks before each use of the connection."""
        line: Any = self._sock
        reader = getattr(self._parser, "_reader", None)
        known_empty = reader is not None and not reader.has_data() and timeout == 0
        if known_empty and isinstance(line, TimedSocket) and line.is_quiet():
            return False
        return bool(super().can_read(timeout))


class SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Asks the Sentinels for the master, and waits up to POOL_WAIT for a free connection."""


class Connector:
    """Where Redis is, by the settings, and how to make a client for it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.most = int(config.get("REDIS_CONNECTIONS") or 50)
        self.url: str = config.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
        self.sentinel: tuple[str, Hosts] | None = _sentinel(config.get("REDIS_SENTINEL"))
        self.cluster: Hosts = _hosts(config.get("REDIS_CLUSTER"))
        self._met: set[tuple[str, int]] = set()  # nodes that the Cluster has named

    @property
    def mode(self) -> str:
        return "cluster" if self.cluster else "sentinel" if self.sentinel else "single"

    @property
    def database(self) -> int:
        """The number of the database; a Cluster has only the first."""
        return 0 if self.cluster else int(self._credentials().get("db") or 0)

    @property
    def verifies(self) -> bool:
        """False if the settings accept any TLS certificate from Redis."""
        return self._credentials().get("ssl_cert_reqs") not in ("none", "optional")

    def client(self, on_connect: OnConnect | None = None) -> Any:
        """The pooled client for requests. It answers text, not bytes."""
        # Invalid UTF-8 becomes replacement characters: its decoder then refuses the value.
        options = limits(decode_responses=True, encoding_errors="replace")
        options.update(max_connections=self.most, timeout=POOL_WAIT)
        if on_connect is not None:
            options["redis_connect_func"] = on_connect
        if self.cluster:
            return self._cluster(options)
        return self._master(BlockingConnectionPool, options)

    def single(self, **own: Any) -> ServerClient:
        """A separate client with few connections that answers bytes, for pub/sub and the queue.

        In a Cluster it talks to one random node (PUBLISH reaches all nodes). A caller whose node
        fails makes a new client to reach another node.
        """
        options = limits(**{"max_connections": 4, "timeout": POOL_WAIT, **own})
        if self.cluster:
            host, port = random.choice(self._known_nodes())
            pool = BlockingConnectionPool(
                host=host, port=port, **self._credentials(database=False), **options
            )
            return ServerClient(connection_pool=pool)
        return self._master(BlockingConnectionPool, options)

    def _master(self, pool_class: type, options: dict[str, Any]) -> ServerClient:
        if self.sentinel is None:
            if "connection_class" not in parse_url(self.url):  # plain TCP
                options["connection_class"] = TcpConnection
            return ServerClient(connection_pool=pool_class.from_url(self.url, **options))  # type: ignore[attr-defined]
        name, hosts = self.sentinel
        options = {**self._credentials(), **options}
        watchers = Sentinel(hosts, sentinel_kwargs=limits())
        if (secure := options.pop("connection_class", None)) is not None:
            options["ssl"] = secure is redis.SSLConnection
        pool = SentinelPool(name, watchers, **options)
        return ServerClient(connection_pool=pool)

    def _cluster(self, options: dict[str, Any]) -> Cluster:
        """A Cluster client. It connects to the nodes immediately, so the caller handles errors."""
        nodes = self._known_nodes()
        host, port = nodes[0]
        client = Cluster(
            # The library accepts ``connection_pool_class`` only together with a URL.
            url=f"redis://{host_and_port(host, port)}",
            startup_nodes=[ClusterNode(*node) for node in nodes[1:]],
            connection_pool_class=BlockingConnectionPool,
            **self._credentials(database=False),
            **options,
        )
        self._met = {(node.host, node.port) for node in client.get_nodes()}
        return client

    def _known_nodes(self) -> Hosts:
        """The nodes of the settings, and those found since: the former may be gone."""
        return [*self.cluster, *sorted(self._met - set(self.cluster))]

    def _credentials(self, database: bool = True) -> dict[str, Any]:
        """User, password and TLS from REDIS_URL; Sentinel and Cluster use them, too."""
        options: dict[str, Any] = dict(parse_url(self.url))
        for place in ("host", "port", "path", *(() if database else ("db",))):
            options.pop(place, None)
        return options


def _hosts(value: str | None) -> Hosts:
    """`a:1,b:2` as (host, port) pairs; the format was checked at startup."""
    pairs = [item.strip().rpartition(":") for item in (value or "").split(",") if item.strip()]
    return [(host.strip("[]") or "127.0.0.1", int(port)) for host, _, port in pairs]


def _sentinel(value: str | None) -> tuple[str, Hosts] | None:
    if not value:
        return None
    name, _, hosts = value.partition(",")
    return name.strip(), _hosts(hosts)
