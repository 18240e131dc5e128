"""The watch over Redis: one greenlet per process, one cheap look a second."""

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
import gevent.monkey
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from chat.redis.client import Door

log = logging.getLogger(__name__)
EVERY = 1.0
UPKEEP_EVERY = 15  # looks
_watches: dict["Door", gevent.Greenlet] = {}


def look(client: Any, mode: str) -> str:
    """Who answers. Raises unless every answering server is alive and a master.

    A replica answers PING and takes PUBLISH, and yet nothing written to it reaches anyone.
    """
    if mode == "cluster":
        return _look_at_nodes(client)
    pipe = client.pipeline(transaction=False)
    pipe.ping()
    pipe.role()
    pipe.info("server")
    _, role, server = pipe.execute()
    _must_be_master(role[0])
    return str(server["run_id"])


def _look_at_nodes(client: Any) -> str:
    """In a Cluster the answer names all its masters: a failover of one changes it."""
    nodes = client.get_primaries()
    if not nodes:
        raise RedisConnectionError("the Cluster has no masters")
    return ",".join(sorted(look(client.get_redis_connection(node), "single") for node in nodes))


def _must_be_master(role: str | bytes) -> None:
    name = role.decode() if isinstance(role, bytes) else role
    if name != "master":
        raise RedisConnectionError(f"connected to a {name}, not to a master")


def same_server(connection: Any, run_id: str) -> None:
    """Raise when a fresh connection reached another server, or the same one after a restart.

    Without this, what a restarted server read back from its disk would be served until the next
    look of the watch.
    """
    try:
        connection.send_command("INFO", "server")
        answer = connection.read_response()
    except ResponseError:
        return  # not allowed to ask: the watch will notice
    text = answer.decode() if isinstance(answer, bytes) else str(answer)
    found = re.search(r"run_id:(\w+)", text)
    if found and found.group(1) not in run_id.split(","):
        connection.disconnect()
        raise RedisConnectionError("the server restarted or another one took over")


def start(door: "Door") -> None:
    """Begin to watch; harmless when the watch runs already or Redis is switched off."""
    if door.enabled and door not in _watches:
        if not door.connector.verifies:
            log.warning("the certificate of Redis is not verified, as the settings say")
        door.watched = True
        _watches[door] = gevent.spawn(_watch, door)


def stop(door: "Door") -> None:
    door.watched = False
    watch = _watches.pop(door, None)
    if watch is not None:
        watch.kill(block=False)


def _watch(door: "Door") -> None:
    looks = 0
    while True:
        looks += 1
        try:
            if door.check() and looks % UPKEEP_EVERY == 0:
                door.keep_up()
        except Exception:
            log.exception("the Redis watch stumbled")
        # While down, wake for the next try, but never spin.
        pause = max(0.05, door.breaker.next_retry_s()) if door.breaker.is_open else EVERY
        gevent.sleep(min(EVERY, pause))


def apart(fn: Callable[[bool], None], up: bool) -> None:
    """Call `fn(up)` without making whoever noticed the change wait for it."""
    if gevent.monkey.is_module_patched("socket"):
        gevent.spawn(_quietly, fn, up)
    else:
        _quietly(fn, up)


def _quietly(fn: Callable[[bool], None], up: bool) -> None:
    try:
        fn(up)
    except Exception:
        log.exception("a listener for Redis coming and going failed")
