"""Fixtures that every test may ask for: servers, the app as a process or in this one, people.

pytest's own process is never monkey-patched; what needs gevent runs in a process of its own.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from chat import models
from chat.embedded.mongo import Mongo
from chat.embedded.valkey import Valkey
from tests.redis_parts import mongod as shared_mongod
from tests.support.people import Person
from tests.support.processes import SECRET_KEY, AppProcess, new_database
from tests.support.servers import start_valkey

NewPerson = Callable[..., Person]
LaunchApp = Callable[..., AppProcess]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failure shows the end of the log of every app process that the test used."""
    report = yield
    if report.failed:
        used = getattr(item, "funcargs", {})
        for process in [used.get("server"), *getattr(used.get("launch_app"), "launched", [])]:
            if isinstance(process, AppProcess):
                report.sections.append((f"app log {process.log}", process.tail()))
    return report


@pytest.fixture(scope="session")
def mongod() -> Mongo:
    """One mongod for the run, a one-node replica set."""
    return shared_mongod()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One Redis-compatible server for the run."""
    server = start_valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, mongod: Mongo, valkey: Valkey
) -> Iterator[AppProcess]:
    """The app that most tests share. The owner fixture has set it up."""
    app = AppProcess(
        tmp_path_factory.mktemp("app"), MONGODB_URI=new_database(mongod.uri), REDIS_URL=valkey.url
    )
    app.prepare().start()
    yield app
    app.stop()


@pytest.fixture(scope="session")
def owner(server: AppProcess) -> Iterator[Person]:
    """Whoever made the first account."""
    person = Person(server.url, "owner").set_up()
    yield person
    person.close()


@pytest.fixture
def new_person(server: AppProcess, owner: Person) -> Iterator[NewPerson]:
    """Makes people: new_person(), new_person(role="admin"), new_person(nickname="Анна")."""
    made: list[Person] = []
    invite = owner.invite()

    def make(role: str = "member", nickname: str = "") -> Person:
        person = Person(server.url, nickname).register(invite)
        made.append(person)
        if role != "member":
            give_role(owner, person, role)
        return person

    yield make
    for person in made:
        person.close()


def give_role(owner: Person, person: Person, role: str) -> None:
    """By the page that admins use."""
    answer = owner.post_form(f"/admin/people/{person.id}/role", role=role)
    assert answer.status_code == 303, answer.text[:2000]


class Launcher:
    """Starts apps for one test, each with a database and a Redis of its own unless it shares
    those of another (``beside=app``)."""

    def __init__(self, folder: Path, mongod: Mongo) -> None:
        self.folder, self.mongod = folder, mongod
        self.launched: list[AppProcess] = []
        self.redis: list[Valkey] = []

    def __call__(self, beside: AppProcess | None = None, **env: str | None) -> AppProcess:
        places = self._places_of(beside) if beside else self._new_places(env)
        app = AppProcess(self.folder, **{**places, **env})
        self.launched.append(app)
        if beside is None:
            app.prepare()
        return app.start()

    def close(self) -> None:
        for app in self.launched:
            app.stop()
        for server in self.redis:
            server.stop()

    def _new_places(self, env: dict[str, str | None]) -> dict[str, str]:
        places = {"MONGODB_URI": new_database(self.mongod.uri)}
        if not {"REDIS_URL", "REDIS_SENTINEL", "REDIS_CLUSTER", "DISABLE_REDIS"} & set(env):
            self.redis.append(start_valkey(self.folder / f"redis-{len(self.redis)}"))
            places["REDIS_URL"] = self.redis[-1].url
        return places

    @staticmethod
    def _places_of(app: AppProcess) -> dict[str, str]:
        shared = ("MONGODB_URI", "REDIS_URL", "REDIS_SENTINEL", "REDIS_CLUSTER", "DISABLE_REDIS")
        return {name: app.env[name] for name in shared if name in app.env}


@pytest.fixture
def launch_app(tmp_path: Path, mongod: Mongo) -> Iterator[Launcher]:
    """For a test that needs an app of its own: launch_app(TTL_ONLINE="2")."""
    launcher = Launcher(tmp_path, mongod)
    yield launcher
    launcher.close()


@pytest.fixture
def app(mongod: Mongo, valkey: Valkey) -> Flask:
    """The app in this process, on a database of its own; pytest-flask's client talks to it."""
    places = {"MONGODB_URI": new_database(mongod.uri), "REDIS_URL": valkey.url}
    made = create_app({"TESTING": True, "SECRET_KEY": SECRET_KEY, **places})
    models.ensure_indexes()
    return made
