"""Redis as a Cluster of three masters: everything works, also after its failures."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest
from flask import Flask

from chat.cache import fence
from chat.cache.fence import reads as fence_reads
from chat.cache.fence import scripts as fence_scripts
from chat.folders import DOCS
from chat.monitoring.status import key_counts
from chat.redis import DOWN, prefix, recovery, rights, scripts
from chat.redis.client import Door
from chat.redis.connect import Connector
from chat.redis_schema import keys
from tests.faults.team import Team, seated
from tests.support.people import Person
from tests.support.topologies import Sharded
from tests.support.waiting import eventually

ECHO = "return {KEYS[1], redis.call('INCR', KEYS[1]), ARGV[1]}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharded]:
    made = Sharded(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def team(cluster, mongod, tmp_path_factory) -> Iterator[Team]:
    with seated(tmp_path_factory.mktemp("app"), mongod.uri, REDIS_CLUSTER=cluster.setting) as made:
        yield made


@pytest.fixture
def client(cluster):
    made = Connector({"REDIS_CLUSTER": cluster.setting}).client()
    yield made
    made.close()


def reads(watchers: list) -> int:
    """How many times the masters have found something on a connection."""
    return sum(watcher.info("stats")["total_reads_processed"] for watcher in watchers)


def test_the_answers_of_a_pipeline_over_all_nodes_come_in_the_order_of_its_commands(client):
    pipe = client.pipeline(transaction=False)
    for number in range(50):
        pipe.set(f"order:{number}", number, ex=60)
    for number in range(50):
        pipe.get(f"order:{number}")
    answers = pipe.execute()
    assert answers == [True] * 50 + [str(number) for number in range(50)]


def test_scripts_on_keys_of_all_nodes_go_to_each_node_in_one_piece(client, cluster):
    calls = [(ECHO, [f"script:{number}"], [number]) for number in range(60)]
    scripts.run_all(client, calls)  # by now every node knows the script
    watchers = [node.client() for node in cluster.masters]
    reads(watchers)
    before = reads(watchers)
    answers = scripts.run_all(client, calls)
    asked = reads(watchers) - before
    assert answers == [[f"script:{n}", 2, str(n)] for n in range(60)]
    assert asked < len(calls) / 2  # three pieces, and three questions of this test


def test_a_script_that_one_node_has_forgotten_is_run_once_all_the_same(client, cluster):
    calls = [(ECHO, [f"forgot:{number}"], [number]) for number in range(30)]
    scripts.run_all(client, calls)
    cluster.masters[1].ask("SCRIPT", "FLUSH")
    answers = scripts.run_all(client, calls)
    assert [count for _, count, _ in answers] == [2] * 30


def test_what_is_sent_on_while_a_slot_moves_and_afterwards_goes_there_in_one_piece(client, cluster):
    names = [f"sent:{{on}}:{number}" for number in range(30)]
    client.set(names[0], "stays until the end")
    source = cluster.owner_of(names[0])
    target = next(node for node in cluster.masters if node is not source)
    watchers = [node.client() for node in cluster.masters]

    def counted() -> tuple[list, int]:
        reads(watchers)
        before = reads(watchers)
        pipe = client.pipeline(transaction=False)
        for name in names[1:]:
            pipe.incr(name)
        return pipe.execute(), reads(watchers) - before

    move = cluster.begin_move(names[0], to=target)
    answers, asked = counted()
    assert answers == [1] * 29
    assert asked < 20  # two pieces, and a connection and three questions of this test
    move.finish()
    answers, asked = counted()
    assert answers == [2] * 29
    assert asked < 20
    assert client.get(names[0]) == "stays until the end"


def test_one_node_taken_for_a_whole_redis_is_an_outage_that_says_so(cluster, caplog):
    app = Flask("door")
    app.config.update(REDIS_URL=f"redis://{cluster.masters[0].address}/0")
    door = Door()
    door.init_app(app)
    door.check()  # whether that succeeds depends on whose the key of the probe is
    door.watched = True
    assert DOWN in [door.call(lambda r, n=n: r.get(f"somewhere:{n}")) for n in range(30)]
    assert door.state()["status"] == "down"
    assert "MovedError" in door.state()["error"]
    said = [record.levelname for record in caplog.records if record.name == "chat.redis.client"]
    assert said == ["WARNING"]
    door.close()


def test_the_keys_of_each_part_are_counted_on_all_nodes(client):
    before = key_counts.take(client)["messages"]["keys"]
    names = [f"cache:messages:recent:{number:024x}" for number in range(60)]
    for name in names:
        client.set(name, "x", ex=60)
    assert key_counts.take(client)["messages"] == {"keys": before + 60, "about": False}
    for name in names:
        client.delete(name)


def test_every_structure_is_used_and_they_are_spread_over_the_nodes(team, cluster):
    team.use_everything()

    def found() -> dict[int, list[str]]:
        return cluster.keys()

    def unused() -> set[str]:
        names = [name for mine in found().values() for name in mine]
        return {s.name for s in keys.STRUCTURES if not any(fnmatchcase(n, s.name) for n in names)}

    eventually(lambda: not unused() or team.use_everything())
    assert all(found().values()), "a node has no keys"
    assert not team.bad


def test_what_is_posted_at_one_process_is_heard_at_the_other(team):
    assert team.here.post(team.channel, "over the cluster")["ok"]
    team.there.hears("over the cluster")
    assert team.there.post(team.channel, "and back")["ok"]
    team.here.hears("and back")
    team.here.sees_online(team.bob.id)
    team.there.sees_online(team.alice.id)


def outages(team: Team) -> int:
    """How often any process has given Redis up."""
    return sum(app.log.read_text(encoding="utf-8").count("Redis is down") for app in team.apps)


def test_a_slot_that_moves_during_use_disturbs_nobody(team, cluster):
    before = outages(team)
    session = f"session:{team.carol.session.cookies['session']}"
    assert cluster.owner_of(session).client().exists(session)
    for key in (f"cache:messages:recent:{team.channel}", keys.presence("conns"), session):
        source = cluster.owner_of(key)
        target = next(node for node in cluster.masters if node is not source)
        team.say("before the move")
        move = cluster.begin_move(key, to=target)
        team.say("half way")
        team.use_everything()
        for each in move.keys()[:1]:
            move.move(each)
        team.say("one key has gone")
        team.use_everything()
        move.finish()
        team.say("moved")
        team.use_everything()
        assert cluster.owner_of(key) is target
    assert outages(team) == before
    team.nothing_lost()
    team.nothing_was_wrong()
    team.back_to_normal()


def test_keys_of_a_moving_slot_are_busy_and_all_others_are_available(client, cluster, trips):
    away, there = "cache:site", "cache:channels:list"
    for name in (away, there):
        client.set(name, "kept", ex=60)
    target = next(node for node in cluster.masters if node is not cluster.owner_of(away))
    questions = [fence_reads.VersionedRead(name, ("GET",)).call() for name in (away, there)]
    move = cluster.begin_move(away, to=target)

    first, asked = scripts.run_all(client, questions), len(trips)
    again = scripts.run_all(client, questions)

    for busy, there_still in (first, again):
        assert fence_reads.reading_of(busy) == fence_reads.Reading(hit=False)
        assert fence_reads.reading_of(there_still).value == "kept"
    assert len(trips) - asked == 1 < asked  # its refusal is not waited for twice
    move.finish()
    eventually(
        lambda: fence_reads.reading_of(scripts.run_all(client, questions)[0]).value == "kept"
    )


def test_a_session_that_is_ended_while_its_slot_moves_is_dead_at_once(team, cluster):
    dave = Person(team.alice.url).register(team.alice.invite())
    cookie = dave.session.cookies["session"]
    key = f"session:{cookie}"
    source = cluster.owner_of(key)
    move = cluster.begin_move(key, to=next(node for node in cluster.masters if node is not source))
    dave.logout()
    dave.session.cookies.set("session", cookie)
    assert dave.get("/api/me").status_code == 401
    move.finish()
    assert dave.get("/api/me").status_code == 401
    dave.close()


def test_a_master_without_a_replica_dies_and_comes_back(team, cluster):
    team.all_heard(team.whisper())
    victim = cluster.owner_of(f"cache:messages:recent:{team.channel}")
    victim.kill()
    team.say("nobody there")
    eventually(lambda: team.status() == ["down", "down"])
    team.use_everything()
    team.say("degraded")
    meanwhile = team.whisper()
    victim.start()
    print(f"normal {team.back_to_normal():.1f} s after its return")
    team.all_heard(meanwhile)
    team.nothing_lost()
    team.nothing_was_wrong()


@pytest.mark.long
def test_a_master_dies_for_good_and_its_replica_takes_over(mongod, tmp_path):
    cluster = Sharded(tmp_path / "cluster", replicas=True)
    try:
        with seated(tmp_path, mongod.uri, REDIS_CLUSTER=cluster.setting) as team:
            cluster.masters[0].kill()  # the first address of the setting
            team.say("in between")
            team.back_to_normal()
            cluster.masters[1].hang()  # the second
            team.say("without any address of the setting")
            team.back_to_normal()
            team.use_everything()
            team.nothing_lost()
            cluster.masters[1].go_on()
            team.back_to_normal()
    finally:
        cluster.close()


def test_with_a_prefix_a_key_and_its_companions_still_live_on_one_node(client, cluster):
    app = Flask("shared")
    app.config.update(REDIS_CLUSTER=cluster.setting, REDIS_PREFIX="team[1]:", TESTING=True)
    prefix.init_app(app)
    try:
        found = [f"cache:messages:tail:{number:024x}" for number in range(30)]
        calls = [(fence_scripts.BEGIN, fence.companions(key), ["me", 60]) for key in found]
        assert scripts.run_all(client, calls) == [1] * 30
        assert client.exists(*(f"v:{{{key}}}" for key in found)) == 30
        client.set("cache:site", "x")
        assert client.get("cache:site") == "x"
        assert sorted(client.scan_iter(match="w:{*}")) == sorted(f"w:{{{key}}}" for key in found)
        raw = {name for node in cluster.masters for name in node.client().keys("*cache:*")}
        assert {f"team[1]:v:{{team[1]:{key}}}" for key in found} <= raw
        assert "team[1]:cache:site" in raw
        assert "cache:site" not in raw
        assert recovery.flush(client) == 31
        assert client.unlink(*(f"w:{{{key}}}" for key in found)) == 30
    finally:
        prefix.init_app(Flask("none"))


def test_in_a_cluster_the_documented_rights_are_enough_and_missed_on_each_node(cluster):
    of_a_cluster = "+cluster|slots +cluster|shards +command +asking +readonly"
    assert of_a_cluster in " ".join((DOCS / "deploying.md").read_text(encoding="utf-8").split())
    for node in cluster.masters:
        node.ask(*rights.line("narrow", "pw").split(), *of_a_cluster.split())
    app = Flask("narrow")
    app.config.update(
        REDIS_URL="redis://narrow:pw@unused/0", REDIS_CLUSTER=cluster.setting, TESTING=True
    )
    door = Door()
    door.init_app(app)
    assert door.check()
    assert door.call(lambda r: r.set("cache:site", "x")) is True
    assert door.check()
    cluster.masters[1].ask("ACL", "SETUSER", "narrow", "resetchannels", "&updates:*")
    assert not door.check()
    assert "&chat:socketio" in door.state()["error"]
    for node in cluster.masters:
        refused = node.client().execute_command("ACL", "LOG")
        assert [entry["object"] for entry in refused if entry["username"] == "narrow"] == []
        node.ask("ACL", "DELUSER", "narrow")
    door.close()
