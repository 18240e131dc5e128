"""Everything that is broken on purpose. Each fault lasts from ``begin`` to the end of the block."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import sleep
from typing import Any

import psutil
import redis

from tests.faults.harness.installation import Installation
from tests.support.waiting import eventually

Block = Callable[[Installation], Any]  # a context manager: broken while it lasts


@dataclass(frozen=True)
class Fault:
    """``kind`` decides what must hold (``trial.Row.broken``). ``degrades``: the processes notice,
    and say so. ``lasts`` seconds; ``env`` of the processes."""

    name: str
    kind: str  # redis, mongodb or app
    block: Block
    degrades: bool = True
    lasts: float = 4.0
    back_at_once: bool = False  # it is over when the block begins, but nobody may know yet
    env: dict[str, str] = field(default_factory=dict)


LINE = {"THROUGH_LINE": "yes"}


def _redis(made: Installation) -> Any:
    return made.redis.client()


@contextmanager
def redis_killed(made: Installation) -> Iterator[None]:
    made.redis.kill()
    yield
    made.redis.restart()


@contextmanager
def redis_hung(made: Installation) -> Iterator[None]:
    with made.redis.hung():
        yield


@contextmanager
def redis_empty(made: Installation) -> Iterator[None]:
    made.redis.kill()
    yield
    made.restart_redis_with(snapshot=False)


@contextmanager
def redis_old(made: Installation) -> Iterator[None]:
    """The snapshot is from before the fault; meanwhile everybody has gone on."""
    made.take_snapshot()
    sleep(2)
    made.redis.kill()
    yield
    made.restart_redis_with(snapshot=True)


@contextmanager
def redis_restarted_at_once(made: Installation) -> Iterator[None]:
    """Gone and back with old data before most would look: nobody may trust it."""
    made.take_snapshot()
    sleep(2)
    made.redis.kill()
    made.restart_redis_with(snapshot=True)
    yield


@contextmanager
def line_cut(made: Installation) -> Iterator[None]:
    assert made.line
    made.line.cut()
    yield
    made.line.open()


@contextmanager
def line_silent(made: Installation) -> Iterator[None]:
    assert made.line
    made.line.stop()
    yield
    made.line.open()


@contextmanager
def line_slow(made: Installation) -> Iterator[None]:
    """300 ms each way: longer than anybody waits for a cache."""
    assert made.line
    made.line.delay = 0.3
    yield
    made.line.delay = 0.0


@contextmanager
def flushed(made: Installation) -> Iterator[None]:
    """FLUSHALL, again and again, as long as it lasts."""
    with _meanwhile(lambda: _redis(made).flushall(), every=0.2):
        yield


@contextmanager
def full(made: Installation) -> Iterator[None]:
    """More is in it than it may hold, and nothing may be evicted: every write is refused."""
    client = _redis(made)
    _fill(client, 4000)
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "2mb")
    yield
    client.config_set("maxmemory", "256mb")


@contextmanager
def evicting(made: Installation) -> Iterator[None]:
    """Somebody else fills it all the time, and any key may go: sessions, fences and presence."""
    client = _redis(made)
    _fill(client, 4000)
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 100_000)
    with _meanwhile(lambda: _fill(client, 200), every=0.02):
        yield
    client.config_set("maxmemory", "256mb")
    client.config_set("maxmemory-policy", "volatile-lru")


@contextmanager
def idle_closed(made: Installation) -> Iterator[None]:
    """The server closes what was quiet for a second: some hosts do after a while."""
    _redis(made).config_set("timeout", 1)
    yield
    _redis(made).config_set("timeout", 0)


@contextmanager
def mongod_hung(made: Installation) -> Iterator[None]:
    assert made.mongod.process
    made.mongod.process.popen.send_signal(signal.SIGSTOP)
    yield
    made.mongod.process.popen.send_signal(signal.SIGCONT)


@contextmanager
def mongod_killed(made: Installation) -> Iterator[None]:
    made.mongod.kill()
    yield
    made.mongod.start()


@contextmanager
def worker_killed(made: Installation) -> Iterator[None]:
    """One of the two workers of the first process; its master starts another."""
    master = made.apps[0].process
    assert master
    victim = psutil.Process(master.pid).children()[0]
    os.kill(victim.pid, signal.SIGKILL)
    yield
    eventually(lambda: len(psutil.Process(master.pid).children()) == 2)


@contextmanager
def app_killed(made: Installation) -> Iterator[None]:
    made.apps[0].kill()
    yield
    made.apps[0].start()


FAULTS = (
    Fault("Redis killed, back with its data", "redis", redis_killed),
    Fault("Redis hangs (SIGSTOP)", "redis", redis_hung),
    Fault("Redis killed, back empty", "redis", redis_empty),
    Fault("Redis killed, back with old data", "redis", redis_old),
    Fault("Redis replaced at once by old data", "redis", redis_restarted_at_once,
          back_at_once=True),
    Fault("line to Redis cut", "redis", line_cut, env=LINE),
    Fault("line to Redis silent", "redis", line_silent, env=LINE),
    Fault("line to Redis 300 ms slow", "redis", line_slow, env=LINE),
    Fault("FLUSHALL five times a second", "redis", flushed, degrades=False),
    Fault("Redis full, noeviction", "redis", full),
    Fault("Redis full, allkeys-lru", "redis", evicting, degrades=False),
    Fault("Redis closes idle lines (timeout 1)", "redis", idle_closed, degrades=False),
    Fault("MongoDB hangs (SIGSTOP)", "mongodb", mongod_hung),
    Fault("MongoDB killed and restarted", "mongodb", mongod_killed),
    Fault("one of two workers killed", "app", worker_killed, degrades=False,
          env={"WEB_CONCURRENCY": "2"}),
    Fault("one of two processes killed", "app", app_killed, degrades=False),
)  # fmt: skip
BY_NAME = {fault.block.__name__: fault for fault in FAULTS}


def _fill(client: Any, keys: int) -> None:
    """So many keys of a kilobyte that are nobody's."""
    pipe = client.pipeline(transaction=False)
    for number in range(keys):
        pipe.set(f"junk:{number}:{os.urandom(4).hex()}", "x" * 1000, ex=600)
    pipe.execute(raise_on_error=False)


@contextmanager
def _meanwhile(do: Callable[[], Any], every: float) -> Iterator[None]:
    done = threading.Event()

    def work() -> None:
        while not done.wait(every):
            try:
                do()
            except redis.RedisError:
                return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
