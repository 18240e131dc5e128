"""A MongoDB that refuses our account counts as down, and the reason is shown."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pymongo
import pytest
from redis import Redis

from chat.embedded.binaries import find_mongod
from chat.embedded.mongo import Mongo
from chat.embedded.process import LOOPBACK, listens
from tests.support import forked
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.waiting import eventually

START_SECONDS = 30
SETTINGS = {"status": "x", "locale": "en", "theme": "dark"}
MAY_NOT = "the account in MONGODB_URI may not read and write the database"
WRONG = "the user, the password or authSource in MONGODB_URI is wrong"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Guarded(Mongo):
    """A single mongod that asks everybody who they are."""

    def _command(self) -> list[str]:
        command = super()._command()
        at = command.index("--replSet")
        faults = ["--setParameter", "enableTestCommands=1"]
        return [*command[:at], *command[at + 2 :], "--auth", *faults]

    def start(self) -> None:
        self.launch()
        assert self.process
        assert self.process.wait_until(lambda: listens(self.port), START_SECONDS)

    def address(self, user: str = "", password: str = "secret") -> str:
        account = f"{user}:{password}@" if user else ""
        return f"mongodb://{account}{LOOPBACK}:{self.port}/chat?authSource=admin"

    def admin(self) -> Any:
        return closing(pymongo.MongoClient(self.address("root"), tz_aware=True))

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """What the server answers to writes when it finds no room for them."""
        data = {"errorCode": 14031, "failCommands": ["insert", "update", "findAndModify"]}
        point = {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data}
        with self.admin() as client:
            client.admin.command(point)
            try:
                yield
            finally:
                client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})

    def give(self, user: str, role: str) -> None:
        with self.admin() as client:
            client.admin.command("updateUser", user, roles=[{"role": role, "db": "chat"}])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "data").mkdir()
    server = Guarded(find_mongod(folder), folder / "data", folder / "log")
    server.start()
    with closing(pymongo.MongoClient(LOOPBACK, server.port)) as client:
        client.admin.command("createUser", "root", pwd="secret", roles=["root"])
    with server.admin() as client:
        for user, role in (("reader", "read"), ("writer", "readWrite")):
            roles = [{"role": role, "db": "chat"}]
            client.admin.command("createUser", user, pwd="secret", roles=roles)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def installation(
    guarded: Guarded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppProcess]:
    """One that works, with an owner."""
    launcher = Launcher(tmp_path_factory.mktemp("app"), guarded.uri)
    yield launcher(MONGODB_URI=guarded.address("writer"))
    launcher.close()


@pytest.fixture(scope="module")
def owner(installation: AppProcess) -> Iterator[Person]:
    person = Person(installation.url, "owner").set_up()
    yield person
    person.close()


def answers(visitor: Person) -> dict[str, Any]:
    return visitor.get("/health/mongo").json()


def is_down(visitor: Person, why: str) -> bool:
    told = answers(visitor)
    return told["status"] == "down" and told["error"] == why


@pytest.mark.parametrize(
    ("user", "password", "why"),
    [("", "", MAY_NOT), ("reader", "secret", MAY_NOT), ("writer", "wrong", WRONG)],
    ids=["without a user", "read-only", "with a wrong password"],
)
def test_an_account_that_may_not_work_is_named_at_the_start_by_health_and_on_every_page(
    guarded: Guarded, owner: Person, installation: AppProcess, launch_app: Launcher,
    user: str, password: str, why: str,
) -> None:  # fmt: skip
    address = guarded.address(user, password)
    app = launch_app(beside=installation, MONGODB_URI=address)
    start = forked.flask("init-db", env=app.env)
    assert start.returncode != 0
    assert start.stdout.splitlines() == [f"Error: MongoDB cannot be used: {why}."]

    visitor = Person(app.url)
    eventually(lambda: is_down(visitor, why))
    told = visitor.get("/health/ready")
    assert (told.status_code, told.json()["status"], told.json()["error"]) == (503, "down", why)
    assert visitor.get("/health").status_code == 200
    form = {"nickname": owner.nickname, "password": owner.password}
    shown = visitor.get("/login")  # nothing is written for it
    assert shown.status_code == (200 if user == "reader" else 503)
    tried = {
        "a log-in": visitor.post_form("/login", visitor.csrf, **form),
        "a log-in without a form": visitor.post_form("/login", "", **form),
        "a log-in with an old form": visitor.post_form("/login", "of yesterday", **form),
    }
    for what, answer in tried.items():
        assert answer.status_code == 503, what
        assert "expired" not in answer.text, what
    log = app.log.read_text(encoding="utf-8")
    assert log.count(f"MongoDB cannot be used ({why})") == 1
    assert "Traceback" not in log


def test_the_status_page_names_refused_rights_and_all_recovers_by_itself(
    guarded: Guarded, owner: Person
) -> None:
    channel = owner.new_channel()
    guarded.give("writer", "read")
    try:
        eventually(lambda: is_down(owner, MAY_NOT))
        page = owner.get("/admin/status").text
        assert MAY_NOT in page
        assert "readWrite" in page
        path = f"/api/channels/{channel['id']}/messages"
        refused = owner.post(path, {"text": "x", "client_id": "0123456789abcdef"})
        assert refused.status_code == 503
        assert "It is not known" not in refused.text  # it is: nothing was written
        assert owner.post_form("/settings", **SETTINGS).status_code == 503
    finally:
        guarded.give("writer", "readWrite")
    eventually(lambda: owner.get("/health/ready").status_code == 200)
    assert owner.say(channel, "after")["text"] == "after"


def test_what_waits_to_be_written_in_the_background_is_no_error_of_ours(
    guarded: Guarded, owner: Person, installation: AppProcess, launch_app: Launcher
) -> None:
    with guarded.admin() as client:
        client.chat.users.update_many({}, {"$set": {"last_active": LONG_AGO}})
    Redis.from_url(installation.env["REDIS_URL"]).delete("cache:users:list")
    app = launch_app(beside=installation)
    # The person's activity is noted, not written yet.
    assert owner.at(app.url).get("/channels").status_code == 200
    guarded.give("writer", "read")
    try:
        eventually(lambda: is_down(owner.at(app.url), MAY_NOT))
        app.stop()  # writes what waits
    finally:
        guarded.give("writer", "readWrite")
    log = app.log.read_text(encoding="utf-8")
    assert log.count(f"MongoDB cannot be used ({MAY_NOT})") == 1
    assert "Traceback" not in log
    eventually(lambda: owner.at(installation.url).get("/health/ready").status_code == 200)


def test_a_process_that_may_work_leaves_one_document_for_its_health(
    guarded: Guarded, owner: Person
) -> None:
    """However often it looks."""
    with guarded.admin() as client:
        beats = client.chat.heartbeats
        first = eventually(beats.find_one)["at"]
        eventually(lambda: beats.find_one()["at"] > first)
        assert beats.count_documents({}) == 1


def test_a_full_disk_is_said_to_be_that_and_nothing_is_an_error_of_ours(
    guarded: Guarded, owner: Person, installation: AppProcess
) -> None:
    channel = owner.new_channel()
    path = f"/api/channels/{channel['id']}/messages"
    full = "the disk of the MongoDB server is full"
    with guarded.full_disk():
        refused = owner.post(path, {"text": "x", "client_id": "0123456789abcde1"})
        assert refused.status_code == 503
        eventually(lambda: is_down(owner, full))
        assert "Free space on the disk" in owner.get("/admin/status").text
    eventually(lambda: answers(owner)["status"] == "up")
    log = installation.log.read_text(encoding="utf-8")
    assert log.count(f"MongoDB cannot be used ({full})") == 1
    assert "Traceback" not in log
    assert owner.post(path, {"text": "x", "client_id": "0123456789abcde1"}).status_code == 201
