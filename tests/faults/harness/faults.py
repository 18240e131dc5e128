"""All faults of the harness. Each fault lasts from ``begin`` to the end of the block."""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import sleep
from typing import Any

import psutil
import redis

from tests.faults.garbage import leave_garbage
from tests.faults.harness import places
from tests.faults.harness.installation import Installation
from tests.support.waiting import eventually

OTHER_DATABASE = 9  # nobody's
BEGINNINGS = ("cache:", "cache:users:", "v:", "w:", "session:", "limit:", "ended:", "{presence}:x")
Block = Callable[[Installation], Any]  # a context manager: broken while it lasts


@dataclass(frozen=True)
class Fault:
    """``kind`` decides what must hold (``trial.Row.broken``). ``degrades``: the processes notice,
    and say so. ``lasts`` seconds; ``env`` of the processes, and what ``servers`` they use."""

    name: str
    kind: str  # redis, mongodb or app
    block: Block
    degrades: bool = True
    lasts: float = 4.0
    back_at_once: bool = False  # it is over when the block begins, but nobody may know yet
    env: dict[str, str] = field(default_factory=dict)
    servers: str = places.ONE


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
    made.line.cut()
    yield
    made.line.open()


@contextmanager
def line_silent(made: Installation) -> Iterator[None]:
    made.line.stop()
    yield
    made.line.open()


@contextmanager
def line_slow(made: Installation) -> Iterator[None]:
    """300 ms each way: longer than anybody waits for a cache."""
    made.line.delay = 0.3
    yield
    made.line.delay = 0.0


@contextmanager
def flushed(made: Installation) -> Iterator[None]:
    """FLUSHALL, again and again, as long as it lasts."""
    with _meanwhile(lambda: _redis(made).flushall(), every=0.2):
        yield


@contextmanager
def swapped(made: Installation) -> Iterator[None]:
    """SWAPDB under living connections; what was away comes back as it was before."""
    _redis(made).execute_command("SWAPDB", 0, OTHER_DATABASE)
    yield
    _redis(made).execute_command("SWAPDB", 0, OTHER_DATABASE)


@contextmanager
def rights_taken(made: Installation) -> Iterator[None]:
    """The user may no longer use any pub/sub channel: nothing else is refused."""
    _redis(made).execute_command("ACL", "SETUSER", "default", "resetchannels")
    yield
    _redis(made).execute_command("ACL", "SETUSER", "default", "allchannels")


@contextmanager
def another_program(made: Installation) -> Iterator[None]:
    """Somebody else writes and deletes keys whose names begin as ours do; some of theirs stay."""
    client = _redis(made)
    kept = {f"{begin}theirs:{number}": "x" for begin in BEGINNINGS for number in range(20)}
    client.mset(kept)

    def work() -> None:
        pipe = client.pipeline(transaction=False)
        for begin in BEGINNINGS:
            pipe.rpush(f"{begin}list", "x")
            pipe.hset(f"{begin}{os.urandom(4).hex()}", "field", "x")
            pipe.delete(f"{begin}list")
        pipe.publish("updates:theirs", "x")
        pipe.execute()

    with _meanwhile(work, every=0.01):
        yield
    assert set(client.mget(kept)) == {"x"}, "keys of the other program have changed"


@contextmanager
def wrong_shapes(made: Installation) -> Iterator[None]:
    """Somebody else writes into our keys all the time: JSON that is none of ours, bytes, members
    and scores, instead of what was there or beside it."""
    chance, client = random.Random(7), _redis(made)
    with _meanwhile(lambda: leave_garbage(client, chance), every=0.2):
        yield


@contextmanager
def other_types(made: Installation) -> Iterator[None]:
    """The same once, with types that are not the declared ones."""
    leave_garbage(_redis(made), random.Random(7), of_any_type=True)
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
def sentinel_failover(made: Installation) -> Iterator[None]:
    """The master is killed for good; the Sentinels name its replica."""
    watched = made.places.watched
    assert watched
    watched.master.kill()
    yield
    eventually(watched.has_failed_over)


@contextmanager
def cluster_master_replaced(made: Installation) -> Iterator[None]:
    """The master of the busiest slot is killed for good; its replica takes over."""
    assert made.places.sharded
    made.places.sharded.owner_of(f"cache:messages:recent:{made.channel['id']}").kill()
    yield


@contextmanager
def cluster_master_lost(made: Installation) -> Iterator[None]:
    """The same without a replica: a third of all keys is out of reach until it is back."""
    assert made.places.sharded
    victim = made.places.sharded.owner_of(f"cache:messages:recent:{made.channel['id']}")
    victim.kill()
    yield
    victim.start()


@contextmanager
def slots_moved(made: Installation) -> Iterator[None]:
    """The slots of what everybody writes to and reads move to another master, key by key."""
    cluster = made.places.sharded
    assert cluster
    room = made.channel["id"]
    names = (f"cache:messages:recent:{room}", f"cache:messages:tail:{room}", "cache:users:list",
             f"session:{made.authors[0].person.session.cookies['session']}")  # fmt: skip
    moves = []
    for name in names:
        target = next(n for n in cluster.masters if n is not cluster.owner_of(name))
        moves.append(cluster.begin_move(name, to=target))
    with _meanwhile(lambda: _move_one(moves), every=0.1):
        yield
    for move in moves:
        move.finish()


def _move_one(moves: list[Any]) -> None:
    for move in moves:
        for name in move.keys()[:1]:
            move.move(name)


@contextmanager
def mongodb_stepdown(made: Installation) -> Iterator[None]:
    """The primary of a replica set gives up, and another member is elected."""
    assert made.places.members
    was = made.places.members.step_down()
    yield
    eventually(lambda: made.places.members.primary() not in (None, was))  # type: ignore[union-attr]


@contextmanager
def mongodb_primary_killed(made: Installation) -> Iterator[None]:
    """The primary of a replica set dies, and another member is elected."""
    assert made.places.members
    was = made.places.members.primary()
    assert was
    was.kill()
    yield
    eventually(made.places.members.primary)


@contextmanager
def mongodb_primary_parted(made: Installation) -> Iterator[None]:
    """The primary of a replica set hears nothing of the others, and answers as if it were one."""
    assert made.places.members
    with made.places.members.parted():
        yield


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
def embedded_valkey_killed(made: Installation) -> Iterator[None]:
    """The supervisor of `make run` starts it again by itself, with its data."""
    assert made.places.supervised
    made.places.supervised.kill_server("valkey-server")
    yield


@contextmanager
def embedded_mongod_killed(made: Installation) -> Iterator[None]:
    """The same for MongoDB, which takes seconds to recover."""
    assert made.places.supervised
    made.places.supervised.kill_server("mongod")
    yield


@contextmanager
def worker_killed(made: Installation) -> Iterator[None]:
    """One of the two workers of the first process; its master starts another, and only that."""
    process = made.apps[0].process
    assert process
    master = psutil.Process(process.pid)
    victim, *others = (worker.pid for worker in master.children())
    os.kill(victim, signal.SIGKILL)
    yield
    eventually(lambda: len(master.children()) == 2)
    assert {*others} < {worker.pid for worker in master.children()}, "another worker has gone, too"


@contextmanager
def app_killed(made: Installation) -> Iterator[None]:
    made.tally.away.add(made.apps[0].url)
    made.apps[0].kill()
    yield
    made.apps[0].start()
    made.tally.away.clear()


FAULTS = (
    Fault("Redis killed, back with its data", "redis", redis_killed),
    Fault("Redis hangs (SIGSTOP)", "redis", redis_hung),
    Fault("Redis killed, back empty", "redis", redis_empty),
    Fault("Redis killed, back with old data", "redis", redis_old),
    Fault("Redis replaced at once by old data", "redis", redis_restarted_at_once,
          back_at_once=True),
    Fault("line to Redis cut", "redis", line_cut, servers=places.BEHIND_LINE),
    Fault("line to Redis silent", "redis", line_silent, servers=places.BEHIND_LINE),
    Fault("line to Redis 300 ms slow", "redis", line_slow, servers=places.BEHIND_LINE),
    Fault("FLUSHALL five times a second", "redis", flushed),
    Fault("SWAPDB, and back", "redis", swapped),
    Fault("rights for pub/sub taken away", "redis", rights_taken),
    Fault("another program in the same Redis", "redis", another_program, degrades=False),
    Fault("wrong shapes and garbage, five times a second", "redis", wrong_shapes, degrades=False),
    Fault("garbage of other types", "redis", other_types, back_at_once=True),
    Fault("Redis full, noeviction", "redis", full),
    Fault("Redis full, allkeys-lru", "redis", evicting, degrades=False),
    Fault("Redis closes idle lines (timeout 1)", "redis", idle_closed, degrades=False),
    Fault("Sentinel failover", "redis", sentinel_failover, servers=places.SENTINEL),
    Fault("Cluster: a master lost, with a replica", "redis", cluster_master_replaced,
          servers=places.CLUSTER_WITH_REPLICAS),
    Fault("Cluster: a master lost, without one", "redis", cluster_master_lost,
          servers=places.CLUSTER),
    Fault("Cluster: slots moved", "redis", slots_moved, degrades=False, servers=places.CLUSTER),
    Fault("MongoDB: the primary steps down", "mongodb", mongodb_stepdown, degrades=False,
          servers=places.REPLICA_SET),
    Fault("MongoDB: the primary is killed", "mongodb", mongodb_primary_killed, degrades=False,
          servers=places.REPLICA_SET),
    Fault("MongoDB: the primary is parted", "mongodb", mongodb_primary_parted,
          servers=places.PATIENT_SET),
    Fault("MongoDB hangs (SIGSTOP)", "mongodb", mongod_hung),
    Fault("MongoDB killed and restarted", "mongodb", mongod_killed),
    Fault("make run: its Valkey killed", "redis", embedded_valkey_killed,
          back_at_once=True, servers=places.EMBEDDED),
    Fault("make run: its MongoDB killed", "mongodb", embedded_mongod_killed, degrades=False,
          servers=places.EMBEDDED),
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
