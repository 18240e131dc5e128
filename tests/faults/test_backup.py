"""The instructions of docs/backup.md work with real servers."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.embedded.mongo import Mongo
from tests.faults.team import Team, seated
from tests.support.processes import ROOT
from tests.support.servers import Redis, start_mongod
from tests.support.topologies import Node
from tests.support.waiting import eventually


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[Mongo]:
    server = start_mongod(tmp_path / "own")
    yield server
    server.kill()


@pytest.fixture
def team(own_mongod: Mongo, own_redis: Redis, tmp_path: Path) -> Iterator[Team]:
    with seated(tmp_path, own_mongod.uri, REDIS_URL=own_redis.url) as made:
        yield made


def back_up(mongod: Mongo, target: Path) -> None:
    script = [sys.executable, "deploy/backup-mongodb.py", mongod.uri, str(mongod.data)]
    subprocess.run([*script, str(target)], cwd=ROOT, check=True, timeout=60)


@pytest.mark.long
def test_a_mongod_is_copied_while_people_post_and_the_copy_replaces_it(
    team, own_mongod, own_redis, tmp_path
):
    team.use_everything()
    before = list(team.acknowledged)
    with team.busy():
        back_up(own_mongod, tmp_path / "copy")
    after = team.acknowledged[-1]
    assert after not in before
    assert not team.bad  # posting waited, and went on

    # The disk is lost, and Redis with it. What the copy holds comes back, on the old address.
    own_mongod.kill()
    own_redis.kill()
    shutil.rmtree(own_mongod.data)
    (tmp_path / "copy").rename(own_mongod.data)
    shutil.rmtree(own_redis.data)
    own_redis.data.mkdir()
    own_mongod.start()
    own_redis.restart()
    for app in team.apps:
        app.restart()

    stored = {message["client_id"] for message in team.messages()}
    assert set(before) <= stored
    assert after not in stored
    for person in (team.alice, team.bob, team.carol):  # nobody has to log in again
        assert person.get("/api/me").json()["nickname"] == person.nickname
    assert not team.bad


@pytest.mark.long
def test_losing_all_that_redis_holds_loses_nothing(team, own_redis):
    team.use_everything()
    own_redis.kill()
    shutil.rmtree(own_redis.data)
    own_redis.data.mkdir()
    team.use_everything()
    own_redis.restart()
    team.back_to_normal()
    team.use_everything()
    team.nothing_lost()


@pytest.mark.parametrize("kept", ["dump.rdb", "appendonlydir"])
def test_a_redis_starts_from_either_of_its_copies(own_redis, tmp_path, kept):
    client = own_redis.client()
    client.set("session:somebody", "{}", ex=1000)
    client.bgsave()
    eventually(lambda: not client.info("persistence")["rdb_bgsave_in_progress"])
    source, target = own_redis.data / kept, tmp_path / "restored" / kept
    target.parent.mkdir()
    if source.is_dir():
        client.config_set("auto-aof-rewrite-percentage", 0)
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)

    appendonly = "yes" if source.is_dir() else "no"
    restored = Node(tmp_path, "restored", "--appendonly", appendonly)
    try:
        restored.start()
        assert 0 < restored.client().ttl("session:somebody") <= 1000
        restored.ask("CONFIG", "SET", "appendonly", "yes")
        eventually(lambda: not restored.client().info("persistence")["aof_rewrite_in_progress"])
    finally:
        restored.kill()
