"""Every configuration in deploy/ starts; only its addresses are changed."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pymongo
import pytest
import redis
import yaml

from chat.config.settings import SETTINGS
from chat.embedded.binaries import find_mongod
from chat.embedded.process import LOOPBACK, Process, listens
from chat.redis import recovery
from chat.redis.connect import Connector
from chat.redis.watch import Looking
from tests.support.ports import free_port
from tests.support.processes import ROOT
from tests.support.topologies import Node, Sharded
from tests.support.waiting import eventually

DEPLOY = ROOT / "deploy"
MASTER = "10.0.0.1 6379"
SECONDS = 30


def shipped(name: str, **replaced: str) -> str:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    if replaced:
        assert MASTER in text
        text = text.replace(MASTER, replaced["master"])
    return text


def is_trusted(**config: str) -> bool:
    """Whether a process that starts with these settings would trust what it finds."""
    connector = Connector(config)
    try:
        client = connector.client()
        recovery.recover(client, Looking(connector.mode), [], [])
        client.close()
    except redis.RedisError:
        return False
    return True


@pytest.fixture
def running() -> Iterator[list[Any]]:
    """What is to be killed in the end."""
    servers: list[Any] = []
    yield servers
    for server in servers:
        server.kill()


def test_one_redis_keeps_what_it_holds_through_a_crash(tmp_path, running):
    node = Node(tmp_path, "one", conf=shipped("redis/one.conf")).start()
    running.append(node)
    assert is_trusted(REDIS_URL=f"redis://{node.address}/0")
    node.client().set("kept", "yes")
    eventually(lambda: node.client().info("persistence")["aof_pending_bio_fsync"] == 0)
    node.kill()
    node.start()
    assert node.client().get("kept") == "yes"
    assert node.client().config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}


@pytest.mark.long
def test_three_redis_with_their_sentinels_survive_the_loss_of_a_machine(tmp_path, running):
    master = Node(tmp_path, "m", conf=shipped("redis/sentinel/master.conf")).start()
    running.append(master)
    here = f"{LOOPBACK} {master.port}"
    replica = shipped("redis/sentinel/replica.conf", master=here)
    running += [Node(tmp_path, f"r{n}", conf=replica).start() for n in range(2)]
    conf = shipped("redis/sentinel/sentinel.conf", master=here)
    sentinels = [Node(tmp_path, f"s{n}", conf=conf, sentinel=True).start() for n in range(3)]
    running += sentinels
    setting = ",".join(("chat", *(each.address for each in sentinels)))
    eventually(lambda: is_trusted(REDIS_SENTINEL=setting))
    for each in sentinels:
        eventually(lambda s=each: len(s.client().sentinel_sentinels("chat")) == 2)
        eventually(lambda s=each: len(s.client().sentinel_slaves("chat")) == 2)

    master.kill()
    sentinels[0].kill()

    eventually(lambda: is_trusted(REDIS_SENTINEL=setting))


def test_the_nodes_of_a_cluster_can_be_joined(tmp_path, running):
    cluster = Sharded(tmp_path, conf=shipped("redis/cluster.conf"))
    running.append(SimpleNamespace(kill=cluster.close))
    assert is_trusted(REDIS_CLUSTER=cluster.setting)


def test_mongod_becomes_the_member_of_a_replica_set(tmp_path, running):
    port, data = free_port(), tmp_path / "data"
    data.mkdir()
    own = ["--dbpath", str(data), "--port", str(port), "--bind_ip", LOOPBACK, "--nounixsocket"]
    command = [str(find_mongod(tmp_path)), "--config", str(DEPLOY / "mongodb/mongod.conf"), *own]
    mongod = Process(command, title="mongod", log=tmp_path / "log")
    running.append(mongod)
    assert mongod.wait_until(lambda: listens(port), SECONDS)
    members = [{"_id": 0, "host": f"{LOOPBACK}:{port}"}]
    with pymongo.MongoClient(LOOPBACK, port, directConnection=True) as client:
        client.admin.command("replSetInitiate", {"_id": "chat", "members": members})
    with pymongo.MongoClient(f"mongodb://{LOOPBACK}:{port}/?replicaSet=chat&w=majority") as client:
        assert client.chat.tried.insert_one({}).acknowledged


def test_the_compose_file_says_what_the_chat_and_its_servers_understand(tmp_path, running):
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))["services"]
    assert set(services["app"]["environment"]) <= {row.name for row in SETTINGS}
    for name in ("redis", "mongodb"):
        mounted = services[name]["volumes"][0].split(":")
        assert (DEPLOY / mounted[0]).is_file()
        assert mounted[1] in services[name]["command"]
    _, path, *options = services["redis"]["command"]
    assert path == "/etc/chat/redis.conf"
    # What is said last counts: where this test has its data, and where it listens.
    node = Node(tmp_path, "redis", *options[:-2], conf=shipped("redis/one.conf"))
    assert options[-2:] == ["--dir", "/data"]
    running.append(node.start())
    assert is_trusted(REDIS_URL=f"redis://{node.address}/0")


def test_the_image_is_made_from_files_that_are_there():
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    names = [name for names in copied for name in names if not name.startswith(("--", "/"))]
    assert names
    for name in names:
        assert (ROOT / name).exists(), name


def test_every_file_of_the_folder_is_tested():
    tried = {
        "Dockerfile", "Dockerfile.dockerignore", "backup-mongodb.py", "compose.yml",
        "mongodb/mongod.conf", "redis/one.conf", "redis/cluster.conf",
        "redis/sentinel/master.conf", "redis/sentinel/replica.conf",
        "redis/sentinel/sentinel.conf",
        # tests/monitoring
        "prometheus/alerts.yml", "prometheus/prometheus.yml", "grafana/chat.json",
        "grafana/provisioning/dashboards/chat.yml",
        "grafana/provisioning/datasources/prometheus.yml",
    }  # fmt: skip
    found = {str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*") if path.is_file()}
    assert {name for name in found if "__pycache__" not in name} == tried
