"""Fixtures for all tests: servers, the app as a process or in this process, people.

Tests share one app process and use their own people and channels. A test that kills or configures
an app uses ``launch_app``. gevent never patches the process of pytest.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis.connection import Connection

from app import create_app
from chat.embedded.mongo import Mongo
from chat.monitoring.status import time_budget
from chat.redis import timeouts
from chat.redis.client import redis
from tests.support import built, databases, effort, share
from tests.support.in_memory import InMemory
from tests.support.order import Order, workers
from tests.support.people import Person
from tests.support.processes import (
    CHEAP_PASSWORDS,
    SECRET_KEY,
    AppProcess,
    Launcher,
    new_database,
)
from tests.support.servers import (
    IN_PROCESS,
    SHARED_APP,
    Redis,
    start_valkey,
    the_mongod,
    the_valkey,
)
from tests.support.small_app import redis_client, redis_url, with_olga
from tests.support.waiting import SECONDS

NewPerson = Callable[..., Person]


if share.asked_for():
    os.environ.update(share.settings(share.asked_for()))  # every app inherits them


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``, which is read before plugins of ``pytest_configure`` are there."""
    return workers()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    effort.choose(config)
    config.pluginmanager.register(Order(config))
    config.pluginmanager.register(InMemory(config))
    if not hasattr(config, "workerinput"):  # whoever starts the workers, or works alone
        built.bring_up_to_date()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    left_out = pytest.mark.skip(reason=f"needs more of Redis than {share.VARIABLE} allows")
    for item in items:
        if share.is_too_little(item.get_closest_marker("needs_redis"), item.fixturenames):  # type: ignore[attr-defined]
            item.add_marker(left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failure shows the end of the log of every app process that the test used."""
    report = yield
    if report.failed:
        used = getattr(item, "funcargs", {})
        processes = [used.get(name) for name in ("server", "beside")]
        processes += [getattr(used.get("site"), "server", None)]
        for process in [*processes, *getattr(used.get("launch_app"), "launched", [])]:
            if isinstance(process, AppProcess):
                report.sections.append((f"app log {process.log}", process.tail()))
    return report


@pytest.fixture(scope="session")
def mongod() -> Mongo:
    return the_mongod()


@pytest.fixture(scope="session")
def valkey() -> Redis:
    return the_valkey()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis to be broken."""
    server = start_valkey(tmp_path / "own-redis")
    yield server
    server.kill()


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, mongod: Mongo, valkey: Redis
) -> Iterator[AppProcess]:
    """The app that most tests share. The owner fixture has set it up."""
    app = AppProcess(
        tmp_path_factory.mktemp("app"),
        MONGODB_URI=new_database(mongod.uri),
        REDIS_URL=valkey.url_of(SHARED_APP),
        LIMIT_SOCKET_EVENTS=None,  # what is usual: floods are tested
        PRESENCE_LEASE="6",
    )
    app.prepare().start()
    yield app
    app.kill()


@pytest.fixture(scope="session")
def owner(server: AppProcess) -> Iterator[Person]:
    """Whoever made the first account."""
    person = Person(server.url, "owner").set_up()
    yield person
    person.close()


@pytest.fixture(scope="session")
def invite(owner: Person) -> str:
    """A code with which anybody may register."""
    return owner.invite()


@pytest.fixture
def new_person(server: AppProcess, owner: Person, invite: str) -> Iterator[NewPerson]:
    """Makes people: new_person(), new_person(role="admin"), new_person(at=another_process)."""
    made: list[Person] = []

    def make(role: str = "member", nickname: str = "", at: AppProcess | None = None) -> Person:
        person = Person((at or server).url, nickname).register(invite)
        made.append(person)
        if role != "member":
            owner.give_role(person, role)
        return person

    yield make
    for person in made:
        person.close()


@pytest.fixture
def launch_app(tmp_path: Path, mongod: Mongo) -> Iterator[Launcher]:
    """For a test that needs an app of its own: launch_app(TTL_ONLINE="2")."""
    launcher = Launcher(tmp_path, mongod.uri)
    yield launcher
    launcher.close()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process waits for its stores: most tests ask what is answered, not how fast, and a busy
    machine is no outage."""
    monkeypatch.setattr(timeouts, "READ_TIMEOUT", SECONDS)
    monkeypatch.setattr(timeouts, "CONNECT_TIMEOUT", SECONDS)
    monkeypatch.setattr(time_budget, "PATIENCE", SECONDS)
    redis.close()
    yield
    redis.close()


@pytest.fixture
def app(mongod: Mongo, valkey: Redis, patience: None) -> Flask:
    """The app in this process, on an empty database; pytest-flask's client talks to it."""
    places = {"MONGODB_URI": databases.emptied(), "REDIS_URL": valkey.url_of(IN_PROCESS)}
    settings = {"TESTING": True, "SECRET_KEY": SECRET_KEY, **CHEAP_PASSWORDS}
    return create_app(settings | places)


@pytest.fixture
def parts() -> Iterator[Flask]:
    """The small app, with both stores empty and olga in them (pytest-flask wants "app" itself)."""
    redis_client().flushdb()
    with with_olga(redis_url()) as made:
        yield made


@pytest.fixture
def fragile(own_redis: Redis) -> Iterator[Flask]:
    """The small app on a Redis to be broken."""
    with with_olga(own_redis.url) as made:
        yield made


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every time that this process sends something to a Redis, or to a node of a Cluster."""
    sent: list[Any] = []
    send = Connection.send_packed_command

    def counted(self: Any, command: Any, *args: Any, **options: Any) -> Any:
        sent.append(command)
        return send(self, command, *args, **options)

    monkeypatch.setattr(Connection, "send_packed_command", counted)
    return sent
