"""The health watch of Redis: one greenlet per process, one cheap check (a "look") a second.

It checks what the product needs: the server is a master, a script can read and write, the user has
all rights. INFO and ROLE are optional: if they are not permitted, the checks that need them are
left out.
"""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent
import gevent.monkey
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError

from chat.redis import mark, rights, scripts
from chat.redis.errors import Unfit, Unknown, is_unknown_command

if TYPE_CHECKING:
    from chat.redis.client import Door

log = logging.getLogger(__name__)
EVERY = 1.0
UPKEEP_EVERY = 15  # looks
_watches: dict["Door", gevent.Greenlet] = {}


@dataclass(frozen=True)
class Seen:
    """The result of a check. ``run_id`` is empty if Redis does not tell it."""

    run_id: str
    epoch: str
    beat: int
    latency_ms: float


class Looking:
    """Checks Redis for one process."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._refused: set[str] = set()  # commands not sent again: Redis logs each refusal

    def look(self, client: Any, epoch: str = "", write: bool = True) -> Seen:
        """Check the server and read our mark. Raises if the server cannot be used.

        ``epoch`` is written to the mark if there is none; ``write`` raises the beat of the mark.
        """
        began = time.perf_counter()
        run_id = self._look_at_nodes(client) if self._mode == "cluster" else self._who(client)
        latency = round((time.perf_counter() - began) * 1000, 2)
        try:
            found, beat, told = scripts.run(client, _look(), [mark.KEY], [epoch, int(write)])
        except ResponseError:
            if self._mode != "cluster":
                check_rights(client)  # raises a better error if a right is missing
            raise
        rights.check(told)
        return Seen(run_id, found, int(beat), latency)

    def begin_anew(self) -> None:
        """Try the refused commands again: the rights may have changed."""
        self._refused.clear()

    def _look_at_nodes(self, client: Any) -> str:
        """The run ids of all masters of a Cluster, joined: a failover changes the result."""
        nodes = client.get_primaries()
        if not nodes:
            raise RedisConnectionError("the Cluster has no masters")
        return ",".join(sorted(self._look_at(client, node) for node in nodes))

    def _look_at(self, client: Any, node: Any) -> str:
        server = client.get_redis_connection(node)
        check_rights(server)
        return self._who(server) or str(node.name)

    def _who(self, client: Any) -> str:
        """The run id of the server, or "". Raises if the server is not a master.

        A replica answers PING and accepts PUBLISH, but what is written to it reaches no other.
        """
        pipe = client.pipeline(transaction=False)
        pipe.ping()
        asked = [("ROLE",), ("INFO", "server")]
        asked = [question for question in asked if question[0] not in self._refused]
        for question in asked:
            pipe.execute_command(*question)
        pong, *answers = pipe.execute(raise_on_error=False)
        if isinstance(pong, Exception):
            raise pong
        told = dict(zip((question[0] for question in asked), answers, strict=True))
        self._refused |= {verb for verb, answer in told.items() if _is_refusal(answer)}
        for answer in told.values():
            if isinstance(answer, Exception) and not _is_refusal(answer):
                raise answer
        if isinstance(role := told.get("ROLE"), list | tuple):
            _must_be_master(role[0])
        info = told.get("INFO")
        return str(info["run_id"]) if isinstance(info, dict) and "run_id" in info else ""


def _is_refusal(answer: Any) -> bool:
    return isinstance(answer, NoPermissionError) or is_unknown_command(answer)


def _look() -> str:
    return f"{rights.lua()}{mark.LOOK}return {{epoch or '', beat, {rights.asking()}}}"


def check_rights(client: Any) -> None:
    """Raise an error that names the missing rights. Needs no right on any key itself."""
    script = f"{rights.lua()}return {rights.asking()}"
    told = scripts.run(client, script, [], [])
    rights.check(told.decode() if isinstance(told, bytes) else told)


def named(error: Exception, get_client: Callable[[], Any]) -> Exception:
    """An error that names the missing right, if Redis tells it; else the same error."""
    try:
        check_rights(get_client())
    except (NoPermissionError, Unknown) as better:
        return better
    except Exception as other:  # noqa: BLE001 - the first error is reported
        log.debug("asking for rights: %s", other)
    return error


def _must_be_master(role: str | bytes) -> None:
    name = role.decode() if isinstance(role, bytes) else role
    if name != "master":
        raise Unfit(f"connected to a {name}, not to a master")


def same_server(connection: Any, run_id: str) -> None:
    """Raise if a new connection reached another server, or the same server after a restart.

    Otherwise the old data that a restarted server loads from its disk would be served until the
    next check of the watch. If INFO is refused, the run id is unknown and only our mark is checked.
    """
    if not run_id:
        return
    try:
        connection.send_command("INFO", "server")
        answer = connection.read_response()
    except ResponseError:
        return  # not permitted: the watch will notice a change
    text = answer.decode() if isinstance(answer, bytes) else str(answer)
    found = re.search(r"run_id:(\w+)", text)
    if found and found.group(1) not in run_id.split(","):
        connection.disconnect()
        raise RedisConnectionError("the server restarted or another one took over")


def start(door: "Door") -> None:
    """Start the watch; does nothing if it runs already or Redis is switched off."""
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
        # While Redis is down, wake up when the next try is due, but never without a pause.
        pause = max(0.05, door.breaker.next_retry_s()) if door.breaker.is_open else EVERY
        gevent.sleep(min(EVERY, pause))


def apart(fn: Callable[[bool], None], up: bool) -> None:
    """Call `fn(up)` in a new greenlet, so that the caller does not wait for it."""
    if gevent.monkey.is_module_patched("socket"):
        gevent.spawn(_quietly, fn, up)
    else:
        _quietly(fn, up)


def _quietly(fn: Callable[[bool], None], up: bool) -> None:
    try:
        fn(up)
    except Exception:
        log.exception("a listener for Redis coming and going failed")
