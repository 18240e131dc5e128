"""`make run` restarts a server that dies; the chat goes on meanwhile."""

import os
import re
import signal

import psutil
import pytest
import requests

from tests.support.embedded import Run
from tests.support.people import Person, new_message
from tests.support.waiting import eventually

GONE_SECONDS = 60


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("restarts")
    with Run(folder, folder / "data") as one:
        yield one


@pytest.fixture(scope="module")
def owner(served):
    return Person(served.url, "owner").set_up()


def kill(run: Run, name: str) -> psutil.Process:
    victim = run.child(name)
    assert victim, f"{name} does not run"
    victim.kill()
    victim.wait(GONE_SECONDS)
    return victim


def is_whole(run: Run) -> bool:
    told = requests.get(f"{run.url}/health/ready", timeout=5).json()
    return (told["mongo"], told["redis"]) == ("up", "up")


@pytest.mark.parametrize("name", ["valkey-server", "mongod"])
def test_a_server_that_was_killed_is_started_again_with_its_port_and_data(served, owner, name):
    room = owner.new_channel()
    said = owner.say(room, f"before the death of {name}")
    address = served.port_of(name)

    victim = kill(served, name)

    eventually(lambda: f"{name} is back" in served.output)
    eventually(lambda: is_whole(served))
    assert served.output.count(f"{name} ended by itself (killed by SIGKILL)") == 1
    assert served.child(name).pid != victim.pid
    assert served.port_of(name) == address
    path = f"/api/channels/{room['id']}/messages"
    eventually(lambda: owner.get(path).ok)  # health tells what was found up to two seconds ago
    kept = owner.get(path).json()["messages"]
    assert [message["id"] for message in kept] == [said["id"]]
    assert owner.say(room, "afterwards")["seq"] == said["seq"] + 1
    assert not served.ended


def test_without_valkey_people_go_on_and_stay_signed_in(served, owner):
    room = owner.new_channel()
    kill(served, "valkey-server")
    assert owner.say(room, "while it is away")["seq"] == 1
    assert owner.get("/api/me").json()["nickname"] == "owner"
    eventually(lambda: is_whole(served))


def test_while_mongodb_is_away_a_post_is_refused_and_stored_once_when_it_is_sent_again(
    served, owner
):
    room = owner.new_channel()
    path, body = f"/api/channels/{room['id']}/messages", new_message("kept by the browser")
    statuses = []
    kill(served, "mongod")

    def is_sent() -> bool:
        statuses.append(owner.post(path, body).status_code)
        return statuses[-1] in (200, 201)

    eventually(is_sent)
    assert set(statuses) <= {200, 201, 503}
    assert len(owner.get(path).json()["messages"]) == 1
    eventually(lambda: is_whole(served))


@pytest.mark.long  # test_supervisor.py asks the server itself
def test_valkey_that_cannot_read_its_files_any_more_is_started_empty(tmp_path):
    with Run(tmp_path, tmp_path / "data") as one:
        owner = Person(one.url, "owner").set_up()
        data = one.data / "valkey"
        next((data / "appendonlydir").glob("*.manifest")).write_text("nonsense")
        kill(one, "valkey-server")
        eventually(lambda: "valkey-server is back" in one.output)
        eventually(lambda: is_whole(one))
        assert list(data.glob("unreadable-*"))
        assert owner.get("/api/me").json()["nickname"] == "owner"


@pytest.mark.parametrize(
    ("name", "pauses"),
    [
        ("valkey-server", ["in 1 s", "in 2 s", "in 4 s", "in 8 s"]),
        pytest.param("mongod", ["at once", "in 1 s", "in 3 s", "in 8 s"], marks=pytest.mark.long),
    ],
)
def test_a_server_that_dies_again_and_again_stops_everything_and_says_why(tmp_path, name, pauses):
    one = Run(tmp_path, tmp_path / "data").serving()
    children = one.children()
    for times in range(1, 6):
        eventually(lambda: one.child(name) is not None)
        kill(one, name)
        eventually(lambda times=times: one.output.count(f"{name} ended by itself") == times)
        assert times == 5 or not one.ended
    assert one.popen.wait(GONE_SECONDS) == 1
    last = one.output.strip().splitlines()[-1]
    assert last.startswith(f"{name} ended by itself 5 times within 120 s (last: killed by SIGKILL)")
    assert str(tmp_path / "data" / "logs") in last
    assert "Traceback" not in one.output
    assert not [child for child in children if child.is_running()]
    assert re.findall(r"it is started again (.*)\.", one.output) == pauses


def test_without_the_app_everything_ends_and_says_why(served):
    """The last of those that share a run."""
    children = served.children()
    master = served.child("gunicorn")
    assert master
    os.kill(master.pid, signal.SIGKILL)
    assert served.popen.wait(GONE_SECONDS) == 1
    assert served.output.strip().splitlines()[-1] == "The app ended by itself (killed by SIGKILL)."
    assert not [child for child in children if child.is_running()]
