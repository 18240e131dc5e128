"""`make run` on a machine with other users: they cannot use the servers, folders and logs."""

import stat
from pathlib import Path

import psutil
import pymongo
import pytest
import redis
from pymongo.errors import OperationFailure

from chat.embedded.process import LOOPBACK
from chat.redis.timeouts import never_again
from tests.support.embedded import Run
from tests.support.people import Person
from tests.support.servers import start_mongod, start_valkey

SECRETS = ("secret_key", "mongodb_password", "mongodb_keyfile", "redis_password")
NOT_SECRET = ("mongod_port", "valkey_port", "lock")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A run on a folder that was left open to everybody."""
    folder = tmp_path_factory.mktemp("secrets")
    data = folder / "data"
    for path in (data, data / "logs", data / "mongo", data / "valkey"):
        path.mkdir(mode=0o755)
    for name in ("lock", "secret_key", "logs/mongod.log", "logs/valkey.log"):
        (data / name).touch(mode=0o644)
        (data / name).chmod(0o644)
    (data / "notes of the operator").touch(mode=0o644)
    with Run(folder, data) as one:
        Person(one.url, "owner").set_up()
        yield one


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def stranger(run: Run) -> pymongo.MongoClient:
    """Somebody else on the machine, who finds the port."""
    return pymongo.MongoClient(LOOPBACK, run.port_of("mongod"), directConnection=True)


def test_nobody_reads_or_writes_mongodb_without_the_password(served):
    with stranger(served) as client:
        for ask in (
            lambda: client.chat.users.find_one(),
            lambda: client.chat.sessions.insert_one({"userId": "x"}),
            lambda: client.admin.command("createUser", "mine", pwd="mine", roles=["root"]),
            lambda: client.admin.command("replSetGetConfig"),
            lambda: client.list_database_names(),
        ):
            with pytest.raises(OperationFailure):
                ask()


def test_nobody_reads_or_writes_valkey_without_the_password(served):
    port, once = served.port_of("valkey-server"), never_again()
    with redis.Redis(host=LOOPBACK, port=port, retry=once) as client:
        for ask in (
            lambda: client.keys(),
            lambda: client.set("session:mine", "{}"),
            lambda: client.config_get(),
        ):
            with pytest.raises(redis.AuthenticationError):
                ask()


def test_operator_commands_beside_a_run_find_the_passwords(served):
    uri = (served.data / "mongodb_uri").read_text()
    with pymongo.MongoClient(uri) as client:
        assert client.chat.users.find_one()["nickname"] == "owner"
    with redis.Redis.from_url((served.data / "redis_url").read_text()) as client:
        assert client.ping()


def test_folders_secrets_and_logs_are_closed_to_others_at_each_start(served):
    folders = ("", "logs", "mongo", "valkey")
    assert {mode(served.data / name) for name in folders} == {"0o700"}
    files = [*SECRETS, *NOT_SECRET, "logs/mongod.log", "logs/valkey.log", "valkey/valkey.conf"]
    assert {name: mode(served.data / name) for name in files} == dict.fromkeys(files, "0o600")
    assert mode(served.data / "notes of the operator") == "0o644"


def test_secrets_are_in_no_command_line_and_in_no_log(served):
    secrets = [(served.data / name).read_text().strip() for name in SECRETS]
    assert all(len(secret) >= 32 for secret in secrets)
    assert len(set(secrets)) == len(secrets)
    logs = [served.log, *(served.data / "logs").iterdir()]
    told = "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)
    told += " ".join(part for child in served.children() for part in child.cmdline())
    told += " ".join(psutil.Process(served.popen.pid).cmdline())
    assert not [secret for secret in secrets if secret in told]


def test_messages_between_the_app_and_mongod_are_not_compressed(served):
    with stranger(served) as client:
        told = client.admin.command("hello", compression=["zlib", "snappy", "zstd"])
    assert not told.get("compression")


@pytest.mark.long
def test_a_folder_from_before_there_were_passwords_is_closed_without_loss(tmp_path):
    mongod, valkey = start_mongod(tmp_path / "data"), start_valkey(tmp_path / "data")
    with Run(tmp_path, tmp_path / "elsewhere", MONGODB_URI=mongod.uri, REDIS_URL=valkey.url) as old:
        owner = Person(old.url, "owner").set_up()
        said = owner.say(owner.new_channel(), "written before")
    key = (tmp_path / "elsewhere" / "secret_key").read_text()
    for name, text in (("mongod_port", str(mongod.port)), ("secret_key", key)):
        (tmp_path / "data" / name).write_text(text)
    mongod.stop()
    valkey.stop()

    with Run(tmp_path, tmp_path / "data", port=old.port) as new:
        path = f"/api/channels/{said['channel']}/messages"
        assert owner.get(path).json()["messages"][0]["text"] == "written before"
        assert owner.say({"id": said["channel"]}, "written after")["seq"] > said["seq"]
        with stranger(new) as client, pytest.raises(OperationFailure):
            client.chat.users.find_one()


@pytest.mark.long
def test_passwords_that_were_deleted_are_made_anew(tmp_path):
    with Run(tmp_path, tmp_path / "data") as one:
        owner = Person(one.url, "owner").set_up()
    for name in ("mongodb_password", "mongodb_keyfile", "redis_password"):
        (tmp_path / "data" / name).unlink()
    with Run(tmp_path, tmp_path / "data", port=one.port):
        assert owner.get("/api/me").json()["nickname"] == "owner"
