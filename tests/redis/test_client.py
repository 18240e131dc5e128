"""The door to Redis: an answer or DOWN, soon; nothing from before an outage is trusted."""

import ast
import logging
import threading
import time
from pathlib import Path

import pytest
import redis as redis_py
from flask import Flask
from redis._parsers.base import BaseParser
from redis.exceptions import (
    ClusterError,
    ConnectionError,
    DataError,
    MaxConnectionsError,
    RedisClusterException,
    ResponseError,
)

import chat
from chat.config.environment import read
from chat.config.parsers import ConfigError
from chat.redis import DOWN, scripts
from chat.redis import errors as redis_errors
from chat.redis import metrics as redis_metrics
from chat.redis.breaker import LONGEST_RETRY, Breaker
from chat.redis.client import Disabled, Door
from chat.redis.connect import Connector, _hosts, _sentinel
from chat.telemetry import registry
from tests.support.servers import Redis
from tests.support.small_app import redis_url
from tests.support.waiting import eventually


def door_to(url: str | None, **settings: object) -> Door:
    app = Flask("door")
    app.config.update(REDIS_URL=url, TESTING=True, **settings)
    door = Door()
    door.init_app(app)
    return door


@pytest.fixture
def door(own_redis: Redis):
    made = door_to(own_redis.url)
    yield made
    made.close()


def test_down_is_neither_missing_nor_true(door: Door, own_redis: Redis) -> None:
    assert door.call(lambda r: r.get("nothing")) is None
    own_redis.kill()
    assert door.call(lambda r: r.get("nothing")) is DOWN
    assert not DOWN
    assert repr(DOWN) == "DOWN"


def test_a_connection_that_redis_closed_is_made_anew_without_an_outage(
    door: Door, own_redis: Redis
) -> None:
    assert door.call(lambda r: r.echo("one")) == "one"
    assert own_redis.client().client_kill_filter(_type="normal", skipme=True)
    assert door.call(lambda r: r.echo("two")) == "two"


def test_an_answer_that_nobody_waited_for_is_never_taken_for_the_next(
    door: Door, own_redis: Redis
) -> None:
    pool = door.call(lambda r: r.connection_pool)
    connection = pool.get_connection()
    connection.send_command("ECHO", "stray")
    eventually(lambda: connection.can_read())
    pool.release(connection)
    assert door.call(lambda r: r.echo("mine")) == "mine"


def test_a_hung_redis_costs_one_short_wait_and_then_nothing(door: Door, own_redis: Redis) -> None:
    door.watched = True  # no caller probes
    door.check()
    with own_redis.hung():
        started = time.monotonic()
        assert all(door.call(lambda r: r.get("x")) is DOWN for _ in range(1000))
        # One wait of a quarter of a second, where each call's own would make minutes.
        assert time.monotonic() - started < 20
    assert door.state()["status"] == "down"
    assert "Timeout" in door.state()["error"]


def test_what_redis_held_before_an_outage_is_never_served(door: Door, own_redis: Redis) -> None:
    door.call(lambda r: r.set("cache:site", "old"))
    door.call(lambda r: r.set("v:{cache:site}", "token"))
    door.call(lambda r: r.set("session:kept", "kept"))
    with own_redis.hung():
        assert door.call(lambda r: r.get("cache:site")) is DOWN
    seen = []
    eventually(lambda: seen.append(door.call(lambda r: r.get("cache:site"))) or door.is_up())
    assert set(seen) <= {DOWN, None}
    assert door.call(lambda r: r.get("v:{cache:site}")) is None
    assert door.call(lambda r: r.get("session:kept")) == "kept"


def test_a_restarted_server_is_noticed_by_the_first_call(door: Door, own_redis: Redis) -> None:
    assert door.check()
    door.call(lambda r: r.set("cache:site", "old"))
    own_redis.stop()  # writes its file
    own_redis.restart()
    assert own_redis.client().get("cache:site") == "old"
    assert door.call(lambda r: r.get("cache:site")) in (DOWN, None)
    eventually(lambda: door.check())
    assert door.call(lambda r: r.get("cache:site")) is None


def test_a_process_that_starts_trusts_nothing_it_did_not_see(own_redis: Redis) -> None:
    own_redis.client().set("cache:site", "old")
    assert door_to(own_redis.url).call(lambda r: r.get("cache:site")) is None


def test_redis_is_not_trusted_before_every_repair_is_done(door: Door, own_redis: Redis) -> None:
    repaired: list[object] = []
    door.call(lambda r: r.ping())
    door.before_recovery(lambda: len(repaired) > 2 or bool(repaired.append(
        door.call(lambda r: r.ping()))))  # fmt: skip
    door.suspect("a test")
    eventually(lambda: door.call(lambda r: r.ping()) is not DOWN)
    assert repaired == [True, True, True]  # the repairer itself could use Redis all the time


def test_one_line_on_the_way_down_and_one_on_the_way_up(
    door: Door, own_redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    door.call(lambda r: r.ping())
    told: list[bool] = []
    door.on_change(told.append)
    with caplog.at_level(logging.INFO, "chat.redis"):
        own_redis.kill()
        for _ in range(50):
            door.call(lambda r: r.ping())
            time.sleep(0.01)
        own_redis.restart()
        eventually(lambda: door.call(lambda r: r.ping()) is not DOWN)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2, lines
    assert "ConnectionError" in lines[0]
    assert "back after" in lines[1]
    assert told == [False, True]


def test_a_redis_that_is_not_there_at_the_start_is_reported_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = door_to("redis://127.0.0.1:1/0")
    assert [door.call(lambda r: r.ping()) for _ in range(20)] == [DOWN] * 20
    assert len(caplog.records) == 1
    assert door.state()["next_retry_s"] is not None


def test_clients_of_redis_are_made_at_one_place() -> None:
    """Whoever made one elsewhere would wait longer than people may, and never hear of an outage."""
    root = Path(chat.__file__).parent
    files = [*root.rglob("*.py"), *(root.parent / name for name in ("app.py", "gunicorn.conf.py"))]
    making = {
        file.relative_to(root.parent).as_posix()
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _last_name(node.func) in MAKERS
    }
    assert making == {"chat/redis/connect.py"}


MAKERS = {
    "from_url", "from_pool", "Redis", "StrictRedis", "RedisCluster", "Cluster", "Sentinel",
    "Client", "ConnectionPool", "BlockingConnectionPool", "SentinelConnectionPool",
    "SentinelPool",
}  # fmt: skip


def _last_name(called: ast.expr) -> str:
    return str(getattr(called, "attr", getattr(called, "id", "")))


def test_switched_off_means_no_attempt_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr(Connector, "client", never)
    door = door_to("redis://127.0.0.1:1/0", DISABLE_REDIS=True)
    assert door.call(lambda r: r.ping()) is DOWN
    assert door.run("return 1", [], []) is DOWN
    assert not door.check()
    assert (door.enabled, door.is_up(), door.state()["status"]) == (False, False, "disabled")
    with pytest.raises(Disabled):
        door.new_client()


def test_no_address_is_not_a_guess_at_one() -> None:
    assert not door_to(None).enabled


def test_a_refused_password_does_not_look_like_an_outage(own_redis: Redis) -> None:
    own_redis.client().config_set("requirepass", "right")
    door = door_to(own_redis.url.replace("//", "//:wrong@"))
    assert door.call(lambda r: r.ping()) is DOWN
    assert "authentication refused" in door.state()["error"]


def test_a_replica_is_not_a_redis_to_write_to(own_redis: Redis) -> None:
    own_redis.client().replicaof("127.0.0.1", 1)
    door = door_to(own_redis.url)
    assert door.call(lambda r: r.ping()) is DOWN
    assert "slave" in door.state()["error"]


def test_a_full_redis_that_evicts_nothing_is_used_again_when_it_takes_writes(
    door: Door, own_redis: Redis
) -> None:
    assert door.check()
    client = own_redis.client()
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1")
    assert door.call(lambda r: r.set("cache:one", "more")) is DOWN
    assert "its memory is full" in door.state()["error"]
    assert client.ping()  # and reads are answered, but what is written reaches nobody
    assert not door.recover()
    assert door.call(lambda r: r.get("cache:one")) is DOWN
    client.config_set("maxmemory", "0")
    eventually(lambda: door.check())
    assert door.call(lambda r: r.set("cache:one", "more")) is True


def test_our_own_mistakes_are_loud_in_tests_and_down_in_service(own_redis: Redis) -> None:
    strict, lenient = door_to(own_redis.url), door_to(own_redis.url)
    lenient._strict = False
    with pytest.raises(ResponseError):
        strict.call(lambda r: r.execute_command("NO-SUCH-COMMAND"))
    assert lenient.call(lambda r: r.execute_command("NO-SUCH-COMMAND")) is DOWN
    assert strict.is_up()
    assert lenient.is_up()


def test_what_is_not_ours_in_a_key_is_an_outage_until_it_is_mended(own_redis: Redis) -> None:
    door = door_to(own_redis.url)
    door._strict = False  # in tests it is raised, too
    door.call(lambda r: r.set("text", "x"))
    assert door.call(lambda r: r.lpush("text", "y")) is DOWN
    assert not door.is_up()


def test_a_busy_pool_is_load_and_leaves_redis_trusted(own_redis: Redis) -> None:
    door = door_to(own_redis.url)
    assert door.call(lambda r: r.ping())
    pool = door.kept.client.connection_pool
    exhausted = registry.POOL_EXHAUSTED.values[()]
    held = [pool.get_connection() for _ in range(50)]
    assert redis_metrics.in_use(pool) == 50
    assert door.call(lambda r: r.ping()) is DOWN
    assert door.counts["load"] == 1
    assert registry.POOL_EXHAUSTED.values[()] == exhausted + 1
    assert door.is_up()
    for connection in held:
        pool.release(connection)
    assert redis_metrics.in_use(pool) == 0
    assert door.call(lambda r: r.ping()) is True


def test_a_script_survives_a_server_that_forgot_it(door: Door, own_redis: Redis) -> None:
    script = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
    assert door.run(script, ["n"], [2]) == 2
    own_redis.client().script_flush()
    assert door.run(script, ["n"], [3]) == 5


def test_a_refusal_among_answers_takes_nobody_elses_place(door: Door, own_redis: Redis) -> None:
    own_redis.client().set("text", "one")
    asked = [("GET", "text"), ("LRANGE", "text", 0, -1), ("GET", "text"), ("STRLEN", "text")]

    first, refused, *rest = door.call(lambda r: r.together(asked))

    assert isinstance(refused, ResponseError)
    assert (first, rest) == ("one", ["one", 3])
    assert door.call(lambda r: r.echo("still in step")) == "still in step"


def test_no_command_at_all_is_no_trip(door: Door, own_redis: Redis) -> None:
    assert door.call(lambda r: r.together([])) == []
    assert door.call(lambda r: scripts.run_all(r, [])) == []


def test_an_answer_that_came_too_late_is_not_taken_for_another(
    door: Door, own_redis: Redis
) -> None:
    assert door.call(lambda r: r.echo("warm")) == "warm"
    with own_redis.hung():
        assert door.call(lambda r: r.together([("ECHO", "late"), ("ECHO", "later")])) is DOWN
    eventually(lambda: door.check())
    assert door.call(lambda r: r.together([("ECHO", "mine")])) == ["mine"]


def test_a_late_failure_from_before_the_recovery_opens_nothing(
    door: Door, own_redis: Redis
) -> None:
    door.check()
    started, go = threading.Event(), threading.Event()

    def late(_: object) -> None:
        started.set()
        go.wait(5)
        raise ConnectionError("an answer that came too late")

    worker = threading.Thread(target=lambda: door.call(late))
    worker.start()
    started.wait(5)
    door.suspect("a test")
    eventually(lambda: door.check())
    go.set()
    worker.join()
    assert door.is_up()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("LOADING Redis is loading the dataset in memory", redis_errors.OUTAGE),
        ("READONLY You can't write against a read only replica.", redis_errors.OUTAGE),
        ("OOM command not allowed when used memory > 'maxmemory'.", redis_errors.OUTAGE),
        ("MISCONF Valkey is configured to save RDB snapshots, but", redis_errors.OUTAGE),
        ("NOREPLICAS Not enough good replicas to write.", redis_errors.OUTAGE),
        ("MASTERDOWN Link with MASTER is down and replica-serve", redis_errors.OUTAGE),
        ("BUSY Valkey is busy running a script.", redis_errors.OUTAGE),
        ("CLUSTERDOWN Hash slot not served", redis_errors.OUTAGE),
        ("MOVED 3999 127.0.0.1:6381", redis_errors.OUTAGE),
        ("ASK 3999 127.0.0.1:6381", redis_errors.OUTAGE),
        ("ERR max number of clients reached", redis_errors.OUTAGE),
        ("TRYAGAIN Multiple keys request during rehashing of slot", redis_errors.LOAD),
        ("NOAUTH Authentication required.", redis_errors.DENIED),
        ("WRONGPASS invalid username-password pair or user is disabled.", redis_errors.DENIED),
        ("NOPERM User default has no permissions to run the 'get' command", redis_errors.DENIED),
        ("ERR invalid password", redis_errors.DENIED),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", redis_errors.POISON),
        ("ERR value is not an integer or out of range", redis_errors.POISON),
        ("ERR hash value is not an integer", redis_errors.POISON),
        ("ERR increment or decrement would overflow", redis_errors.POISON),
        ("NOSCRIPT No matching script. Please use EVAL.", redis_errors.BUG),
        ("CROSSSLOT Keys in request don't hash to the same slot", redis_errors.BUG),
        ("ERR unknown command 'NO-SUCH-COMMAND'", redis_errors.BUG),
    ],
)
def test_each_refusal_of_the_server_has_its_name(text: str, kind: str) -> None:
    """As the library hands it on, which cuts off what it has made a class of."""
    assert redis_errors.kind_of(BaseParser.parse_error(text)) == kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionError("refused"), redis_errors.OUTAGE),
        (RedisClusterException("Redis Cluster cannot be connected"), redis_errors.OUTAGE),
        (TimeoutError("socket"), redis_errors.OUTAGE),
        (MaxConnectionsError("Too many connections"), redis_errors.LOAD),
        (ConnectionError("No connection available."), redis_errors.LOAD),
        (ClusterError("TTL exhausted."), redis_errors.LOAD),
        (DataError("Invalid input of type"), redis_errors.BUG),
        (RedisClusterException("EVAL - all keys must map to the same key slot"), redis_errors.BUG),
        (KeyError("ours"), redis_errors.BUG),
    ],
)
def test_each_kind_of_trouble_has_its_name(error: Exception, kind: str) -> None:
    assert redis_errors.kind_of(error) == kind


def test_pauses_grow_with_jitter_to_a_limit_and_start_over_after_calm() -> None:
    now = [1000.0]
    breaker = Breaker(clock=lambda: now[0], jitter=lambda low, high: high)
    assert breaker.open("first")
    assert not breaker.open("again")
    pauses = []
    for _ in range(9):
        pauses.append(breaker.next_retry_s())
        now[0] += pauses[-1]
        assert breaker.due()
        breaker.failed("still")
    assert pauses[:4] == [0.25, 0.5, 1.0, 2.0]
    assert max(pauses) == pauses[-1] == LONGEST_RETRY
    breaker.close()
    now[0] += 1
    breaker.open("flapping")
    assert breaker.next_retry_s() == LONGEST_RETRY
    breaker.close()
    now[0] += 60
    breaker.open("another day")
    assert breaker.next_retry_s() == 0.25
    breaker.close()
    pauses = []
    for _ in range(6):  # it answers, and what it holds is wrong again and again
        breaker.open("garbage", answers=True)
        pauses.append(breaker.next_retry_s())
        breaker.close()
    assert pauses == [0.5, 1.0, 1.0, 1.0, 1.0, 1.0]
    breaker.open("garbage", answers=True)
    breaker.failed("now it is away")
    assert breaker.next_retry_s() == 0.5
    low, high = [], []
    Breaker(jitter=lambda a, b: low.append(a) or high.append(b) or a).open("x")
    assert low[0] < high[0]


def test_each_look_for_a_redis_that_stays_away_comes_later_than_the_last_one() -> None:
    now = [1000.0]
    door = door_to("redis://127.0.0.1:1/0")
    door.breaker = Breaker(clock=lambda: now[0], jitter=lambda low, high: high)
    pauses = []
    while len(pauses) < 8:
        assert door.call(lambda r: r.ping()) is DOWN  # whoever comes when it is time, looks
        pauses.append(door.state()["next_retry_s"])
        now[0] += pauses[-1]
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, LONGEST_RETRY, LONGEST_RETRY]


def test_the_three_shapes_of_redis_are_read_from_the_settings() -> None:
    assert _hosts("a:1, [::1]:2") == [("a", 1), ("::1", 2)]
    assert _sentinel("mine,a:1,b:2") == ("mine", [("a", 1), ("b", 2)])
    app = Flask("x")
    assert Connector(app.config).mode == "single"
    app.config.update(REDIS_SENTINEL="mine,127.0.0.1:1")
    assert Connector(app.config).mode == "sentinel"
    app.config.update(REDIS_CLUSTER="127.0.0.1:1")
    assert Connector(app.config).mode == "cluster"


def test_ipv6_addresses_of_nodes_are_written_in_brackets() -> None:
    text = "[::1]:7000, [fe80::1%eth0]:7001,node.example:7002"
    values = read({"REDIS_CLUSTER": text, "REDIS_SENTINEL": f"main,{text}"})
    nodes = [("::1", 7000), ("fe80::1%eth0", 7001), ("node.example", 7002)]
    assert Connector({"REDIS_CLUSTER": values["REDIS_CLUSTER"]}).cluster == nodes
    assert Connector({"REDIS_SENTINEL": values["REDIS_SENTINEL"]}).sentinel == ("main", nodes)
    with pytest.raises(ConfigError, match="REDIS_CLUSTER"):
        read({"REDIS_CLUSTER": "::1:7000"})


@pytest.mark.parametrize("name", ["REDIS_SENTINEL", "REDIS_CLUSTER"])
def test_unreachable_watchers_and_nodes_are_an_outage_too(name: str) -> None:
    value = {"REDIS_SENTINEL": "mine,127.0.0.1:1,127.0.0.1:2", "REDIS_CLUSTER": "127.0.0.1:1"}
    door = door_to(None, **{name: value[name]})
    assert door.call(lambda r: r.ping()) is DOWN
    assert door.state()["status"] == "down"


def test_a_client_of_ones_own_answers_bytes() -> None:
    door = door_to(redis_url())
    client = door.new_client(socket_timeout=1)
    client.set("bytes", "x")
    assert client.get("bytes") == b"x"
    assert isinstance(client, redis_py.Redis)
    client.close()


def test_who_comes_during_the_first_recovery_waits_for_it_and_is_answered(
    own_redis: Redis,
) -> None:
    """Or a write at a process that has just started would go on without telling the others."""
    door = door_to(own_redis.url)
    recovering, go = threading.Event(), threading.Event()

    def slow() -> bool:
        recovering.set()
        return go.wait(5)

    door.before_recovery(slow)
    first = threading.Thread(target=door.check)
    first.start()
    recovering.wait(5)
    threading.Timer(0.1, go.set).start()

    assert door.call(lambda r: r.ping()) is True
    first.join()
