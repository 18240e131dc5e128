"""The supervisor of `make run`: its errors at the start, and what ends with what."""

import os
import re
import signal
import socket
import stat
from pathlib import Path

import psutil
import pytest

from chat.auth import setup_token
from chat.embedded import EmbeddedError
from chat.embedded.binaries import find_mongod, find_valkey
from chat.embedded.datadir import DataDir
from chat.embedded.mongo import Mongo
from chat.embedded.valkey import Valkey
from tests.support.embedded import Run
from tests.support.people import Person
from tests.support.waiting import eventually


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; what only waits to be reaped has ended."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def run(tmp_path):
    """Starts runs on one data folder."""
    runs: list[Run] = []

    def start(**options) -> Run:
        options.setdefault("data", tmp_path / "data")
        runs.append(Run(tmp_path, **options))
        return runs[-1]

    yield start
    for one in runs:
        one.stop()


def test_what_people_wrote_is_there_after_a_second_start_and_no_two_run_at_once(run):
    first = run().serving()
    key = (first.data / "secret_key").read_text()
    token = setup_token.token({"SECRET_KEY": key})
    eventually(lambda: f"make the first one at {first.url}/setup?token={token}" in first.output)
    owner = Person(first.url, "owner").set_up()
    channel = owner.get("/api/channels").json()["channels"][0]["id"]
    path = f"/api/channels/{channel}/messages"
    said = {"text": "still here", "client_id": "client-00001"}
    assert owner.post(path, said).status_code == 201
    children = first.children()
    assert len(children) >= 4  # gunicorn and its worker, mongod, valkey-server
    refusal = run().refusal()
    assert "\n" not in refusal
    assert f"in use by another run (process {first.popen.pid})" in refusal
    assert "DATA_DIR" in refusal
    assert first.stop() == 0
    assert not alive(children)
    mongod_log = (first.data / "logs" / "mongod.log").read_text(encoding="utf-8")
    assert "Shutting down: Master" in first.output
    assert '"exitCode":0' in mongod_log.splitlines()[-1] + mongod_log[-2000:]
    assert "Traceback" not in first.output

    second = run(port=first.port).serving()
    texts = [message["text"] for message in owner.get(path).json()["messages"]]
    assert "still here" in texts  # and the session is still the same
    assert second.stop(signal.SIGTERM) == 0
    assert "no account" not in second.output


def test_after_a_kill_of_everything_the_next_start_recovers(run):
    first = run().serving()
    Person(first.url, "owner").set_up()
    for process in [psutil.Process(first.popen.pid), *first.children()]:
        process.kill()
    first.popen.wait()

    second = run().serving()
    assert Person(second.url, "owner").login().id


def test_no_server_outlives_a_supervisor_that_was_killed(run):
    first = run().serving()
    children = first.children()
    first.popen.kill()
    first.popen.wait()
    second = run().serving()  # at once: it waits for what is left of the first
    eventually(lambda: not alive(children))
    assert second.children()


@pytest.mark.long
def test_a_second_signal_hurries_and_still_leaves_nothing_running(run):
    one = run().serving()
    children = one.children()
    one.popen.send_signal(signal.SIGINT)
    eventually(lambda: "Stopping" in one.output)
    one.stop()
    assert not alive(children)


def test_a_port_that_is_taken_is_said_before_anything_is_started(run, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refusal = run(port=other.getsockname()[1]).refusal()
    assert re.fullmatch(r"Port \d+ on 127.0.0.1 is taken: .*PORT=\d+\.", refusal)
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_cannot_be_written_is_said_in_one_line(run, tmp_path):
    (tmp_path / "file").touch()
    refusal = run(data=tmp_path / "file" / "data").refusal()
    assert "\n" not in refusal
    assert "cannot be written" in refusal
    assert "DATA_DIR" in refusal


def test_a_bad_setting_stops_the_start_in_one_line(run):
    refusal = run(TTL_USERS="soon").refusal()
    assert refusal.startswith("TTL_USERS='soon' cannot be used")
    assert "\n" not in refusal


def test_servers_that_run_elsewhere_are_used_and_none_is_started(run, mongod, valkey):
    uri = mongod.uri.replace("/chat?", "/chat_elsewhere?")
    one = run(MONGODB_URI=uri, REDIS_URL=valkey.url).serving()
    names = {child.name() for child in one.children()}
    assert not names & {"mongod", "valkey-server", "redis-server"}


def test_without_redis_only_mongodb_is_started(run):
    names = {child.name() for child in run(DISABLE_REDIS="true").serving().children()}
    assert "mongod" in names
    assert not names & {"valkey-server", "redis-server"}


def test_a_missing_server_is_named_with_what_to_set_instead(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("chat.embedded.binaries._package_folder", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"No mongod found for .*set MONGODB_URI"):
        find_mongod(tmp_path)
    with pytest.raises(EmbeddedError, match=r"No valkey-server found for .*DISABLE_REDIS"):
        find_valkey(tmp_path)


def test_a_packed_binary_without_the_executable_bit_is_made_runnable(monkeypatch, tmp_path):
    packed = tmp_path / "bin" / "mongod"
    packed.parent.mkdir()
    packed.write_bytes(b"#!/bin/sh\n")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("chat.embedded.binaries._package_folder", lambda name: tmp_path)
    assert os.access(find_mongod(tmp_path / "spare"), os.X_OK)


def test_a_packed_binary_that_cannot_be_changed_is_copied(monkeypatch, tmp_path):
    packed = tmp_path / "bin" / "mongod"
    packed.parent.mkdir()
    packed.write_bytes(b"#!/bin/sh\n")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("chat.embedded.binaries._package_folder", lambda name: tmp_path)
    change = Path.chmod

    def read_only(path: Path, mode: int) -> None:
        if path == packed:
            raise PermissionError(1, "read-only")
        change(path, mode)

    monkeypatch.setattr(Path, "chmod", read_only)
    found = find_mongod(tmp_path / "spare")
    assert found == tmp_path / "spare" / "mongod"
    assert os.access(found, os.X_OK)


def test_the_secret_key_is_made_once_and_private(tmp_path):
    with DataDir(tmp_path / "data") as data:
        key = data.secret("secret_key")
        assert len(key) >= 32
        assert data.secret("secret_key") == key
        mode = (data.path / "secret_key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_mongod_takes_another_port_when_its_own_was_given_away(tmp_path):
    (tmp_path / "data").mkdir()
    binary = find_mongod(tmp_path)
    server = Mongo(binary, tmp_path / "data", tmp_path / "log")
    server.start()
    first = server.port
    server.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))  # not listening: mongod would wait for its answer
        again = Mongo(binary, tmp_path / "data", tmp_path / "log", port=first)
        again.start()  # it is the primary, although its set knew it under the old port
        assert again.port != first
        again.stop()


def test_valkey_starts_empty_when_its_files_cannot_be_read(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    binary = find_valkey(tmp_path)
    server = Valkey(binary, data, tmp_path / "log")
    server.start()
    server.stop()
    manifest = next((data / "appendonlydir").glob("*.manifest"))
    manifest.write_text("nonsense")
    server = Valkey(binary, data, tmp_path / "log")
    server.start()
    server.stop()
    assert list(data.glob("unreadable-*"))
