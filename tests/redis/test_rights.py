"""The rights of the Redis user: the documented ones are enough, and each missing one is named."""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

import chat
from app import create_app
from chat.embedded.mongo import Mongo
from chat.folders import DOCS
from chat.redis import prefix, rights
from chat.redis.client import Door
from tests.redis.test_client import door_to
from tests.support.people import Person
from tests.support.processes import SECRET_KEY, AppProcess, Launcher, new_database
from tests.support.servers import Redis
from tests.support.topologies import Node
from tests.support.waiting import eventually

USER, PASSWORD = "chat", "pw"
# Some of each kind, with the name under which each is to be missed.
TAKEN = {
    "-publish": "+publish", "-subscribe": "+subscribe", "-evalsha": "+evalsha", "-eval": "+eval",
    "-get": "+get", "-hgetall": "+hgetall", "-unlink": "+unlink", "-scan": "+scan",
    "-time": "+time", "resetchannels &updates:*": "&chat:socketio",
}  # fmt: skip


def allow(redis: Redis, *what: str) -> None:
    redis.client().execute_command("ACL", "SETUSER", USER, *what)


def allow_what_is_needed(redis: Redis) -> str:
    """The address with which exactly the documented rights come."""
    redis.client().execute_command(*rights.line(USER, PASSWORD).split())
    return redis.url.replace("//", f"//{USER}:{PASSWORD}@")


@pytest.fixture
def door(own_redis: Redis) -> Iterator[Door]:
    made = door_to(allow_what_is_needed(own_redis))
    assert made.check()
    yield made
    made.close()


def restricted(folder: Path, *options: str) -> Iterator[Node]:
    node = Node(folder, "restricted", "--save", "", *options).start()
    yield node
    node.kill()


@pytest.fixture
def without_eval(tmp_path: Path) -> Iterator[Node]:
    yield from restricted(tmp_path, "--rename-command", "EVALSHA", "")


@pytest.fixture
def without_info(tmp_path: Path) -> Iterator[Node]:
    yield from restricted(tmp_path, "--rename-command", "INFO", "", "--rename-command", "ROLE", "x")


def test_every_key_and_every_command_has_its_right(own_redis: Redis):
    assert rights.uncovered() == set()
    root = Path(chat.__file__).parent
    text = "\n".join(file.read_text(encoding="utf-8") for file in root.rglob("*.py"))
    called = set(re.findall(r"redis\.p?call\(\s*'([A-Z]+)'", text))
    listed = {name.upper() for name in own_redis.client().command_list()}
    asked = set(re.findall(r"\(\"([A-Z]{3,})\"", text)) & listed
    allowed = {command[0] for command in rights.COMMANDS}
    allowed |= {"PUBLISH", "SUBSCRIBE", *rights.HELPFUL, *rights.SELDOM}
    assert called | asked - {"ASKING"} <= allowed  # else: chat.redis.rights, docs/deploying.md


def test_the_documented_line_is_the_one_that_is_tested():
    assert rights.line() in (DOCS / "deploying.md").read_text(encoding="utf-8")


def test_the_command_prints_the_rights_with_the_prefix(mongod: Mongo):
    app = create_app({"SECRET_KEY": SECRET_KEY, "MONGODB_URI": new_database(mongod.uri),
                      "REDIS_PREFIX": "team:", "DISABLE_REDIS": True})  # fmt: skip
    try:
        told = app.test_cli_runner().invoke(args=["redis-rights", "somebody"])
        assert told.output.startswith("ACL SETUSER somebody on >PASSWORD ")
        assert " ~team:cache:* " in told.output
        assert " &team:updates:users " in told.output
    finally:
        prefix.init_app(Flask("none"))


@pytest.mark.parametrize("taken", TAKEN)
def test_a_right_that_is_taken_away_is_missed_by_its_name_and_once(
    door: Door, own_redis: Redis, caplog: pytest.LogCaptureFixture, taken: str
):
    allow(own_redis, *taken.split())
    with caplog.at_level(logging.INFO, "chat"):
        eventually(lambda: not door.check())
        for _ in range(3):
            door.breaker.hurry()
            assert not door.check()
    state = door.state()
    assert (state["status"], state["reason"]) == ("down", "rights")
    assert TAKEN[taken] in state["error"]
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len(lines) == 1, lines
    assert TAKEN[taken] in lines[0]

    allow_what_is_needed(own_redis)
    door.breaker.hurry()
    assert door.check()
    assert door.state()["error"] is None


def test_keys_that_may_not_be_touched_are_named(door: Door, own_redis: Redis):
    allow(own_redis, "resetkeys", "~cache:*", "~session:*", "%R~v:*", "~chat:mark")
    assert not door.check()
    error = door.state()["error"]
    assert "~v:{cache:*" in error
    assert "~{presence}:*" in error
    assert "~cache:*" not in error
    assert "+get" not in error


def test_a_user_without_any_key_is_told_of_keys(door: Door, own_redis: Redis):
    allow(own_redis, "resetkeys")
    assert not door.check()
    assert "~cache:*" in door.state()["error"]


def test_a_user_for_whom_everything_dangerous_is_forbidden_can_be_used(own_redis: Redis):
    allow(own_redis, "on", f">{PASSWORD}", "allkeys", "allchannels", "+@all", "-@dangerous")
    door = door_to(own_redis.url.replace("//", f"//{USER}:{PASSWORD}@"))
    assert door.check()
    assert door.check()
    log = own_redis.client().execute_command("ACL", "LOG")
    assert sum(entry["count"] for entry in log if entry["object"] in ("info", "role")) <= 4
    door.close()


def test_a_server_without_info_and_role_can_be_used(without_info: Node):
    door = door_to(f"redis://{without_info.address}")
    assert door.check()
    assert door.call(lambda r: r.set("cache:site", "x")) is True
    assert door.check()
    door.close()


def test_a_server_without_scripts_is_said_to_be_that(
    without_eval: Node, caplog: pytest.LogCaptureFixture
):
    door = door_to(f"redis://{without_eval.address}")
    assert not door.check()
    assert (door.state()["status"], door.state()["reason"]) == ("down", "command")
    assert "EVALSHA" in door.state()["error"]
    assert "renamed or switched off" in door.state()["error"]
    assert "authentication" not in door.state()["error"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_names_of_what_is_missing_have_the_prefix(own_redis: Redis):
    app = Flask("prefixed")
    app.config["REDIS_PREFIX"] = "team[1]:"
    prefix.init_app(app)
    try:
        door = door_to(allow_what_is_needed(own_redis))
        assert door.check()
        allow(own_redis, "resetchannels", "&updates:*")
        assert not door.check()
        assert r"&team\[1\]:updates:users" in door.state()["error"]
    finally:
        prefix.init_app(Flask("none"))
        door.close()


def health(app: AppProcess) -> dict[str, Any]:
    return requests.get(f"{app.url}/health/redis", timeout=10).json()  # type: ignore[no-any-return]


@pytest.mark.needs_redis
def test_two_processes_need_no_more_than_the_documented_rights(
    launch_app: Launcher, own_redis: Redis
):
    url = allow_what_is_needed(own_redis)
    one = launch_app(REDIS_URL=url, PRESENCE_LEASE="6")
    two = launch_app(beside=one, PRESENCE_LEASE="6")
    alice = Person(one.url, "alice").set_up()
    bob = Person(two.url, "bob").register(alice.invite())
    room = alice.new_channel()
    assert bob.post(f"/api/channels/{room['id']}/join").ok
    here, there = alice.tab(), bob.tab()

    said = alice.say(room, "hello")
    there.hears("hello")
    here.sees_online(bob.id)
    assert alice.patch(f"/api/messages/{said['id']}", {"text": "hello again"}).ok
    eventually(lambda: there.heard("message:changed"))
    again = bob.again(two.url)
    assert again.get("/channels").ok
    again.logout()
    there.close()
    here.sees_offline(bob.id)
    assert alice.get("/admin/status").ok
    for app in (one, two):
        assert health(app)["status"] == "up"
        assert "chat.redis" not in app.log.read_text(encoding="utf-8")
    refused = own_redis.client().execute_command("ACL", "LOG")
    assert [entry["object"] for entry in refused if entry["username"] == USER] == []

    allow(own_redis, "resetchannels", "&updates:*")
    for app in (one, two):
        eventually(lambda app=app: "&chat:socketio" in (health(app)["error"] or ""))
    page = alice.get("/admin/status").text
    assert "&amp;chat:socketio" in page
    assert "redis-rights" in page
    alice.say(room, "without the live line")  # and pages still answer
    assert "without the live line" in bob.get(f"/channels/{room['slug']}").text

    allow_what_is_needed(own_redis)
    for app in (one, two):
        eventually(lambda app=app: health(app)["status"] == "up")
        lines = [line for line in app.log.read_text(encoding="utf-8").splitlines()
                 if "chat.redis" in line]  # fmt: skip
        assert len(lines) == 2, lines
        assert "&chat:socketio" in lines[0]
    tab = bob.tab()
    eventually(lambda: alice.say(room, "with it") and "with it" in tab.texts(), every=0.5)


@pytest.mark.needs_redis
def test_a_new_user_without_channels_is_told_of_in_one_line(launch_app: Launcher, own_redis: Redis):
    allow(own_redis, "on", f">{PASSWORD}", "allkeys", "+@all", "resetchannels")
    app = launch_app(REDIS_URL=own_redis.url.replace("//", f"//{USER}:{PASSWORD}@"))
    owner = Person(app.url, "owner").set_up()
    assert health(app)["status"] == "down"
    assert "&updates:channels &updates:messages" in health(app)["error"]
    owner.say(owner.new_channel(), "it works all the same")
    lines = [line for line in app.log.read_text(encoding="utf-8").splitlines()
             if "chat.redis" in line]  # fmt: skip
    assert len(lines) == 1, lines


# What the server itself cannot do


def cannot_save(redis: Redis) -> Path:
    """Its snapshot cannot take its place: a folder stands there."""
    client = redis.client()
    obstacle = redis.data / "dump.rdb"
    obstacle.unlink(missing_ok=True)
    (obstacle / "inside").mkdir(parents=True)
    client.config_set("save", "3600 1")
    client.bgsave()
    eventually(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
    return obstacle


def test_a_redis_that_cannot_save_is_said_to_be_that_and_once(
    own_redis: Redis, caplog: pytest.LogCaptureFixture
):
    door = door_to(own_redis.url)
    assert door.check()
    obstacle = cannot_save(own_redis)
    with caplog.at_level(logging.INFO, "chat"):
        for _ in range(4):
            door.breaker.hurry()
            assert not door.check()
            door.call(lambda r: r.set("cache:site", "x"))
    state = door.state()
    assert (state["status"], state["reason"]) == ("down", "disk")
    assert "free disk space" in state["error"]
    lines = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert [record.levelname for record in lines] == ["WARNING"], lines

    shutil.rmtree(obstacle)
    own_redis.client().bgsave()
    eventually(lambda: own_redis.client().info("persistence")["rdb_last_bgsave_status"] == "ok")
    door.breaker.hurry()
    assert door.check()


def test_a_full_redis_is_said_to_be_full_and_once(
    own_redis: Redis, caplog: pytest.LogCaptureFixture
):
    door = door_to(own_redis.url)
    assert door.check()
    own_redis.client().config_set("maxmemory-policy", "noeviction")
    own_redis.client().config_set("maxmemory", "1")
    with caplog.at_level(logging.INFO, "chat"):
        for _ in range(4):
            door.breaker.hurry()
            assert not door.check()
    assert door.state()["reason"] == "full"
    assert "maxmemory" in door.state()["error"]
    assert len([record for record in caplog.records if record.levelno >= logging.INFO]) == 1
