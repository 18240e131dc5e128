"""A fresh installation in this process, on the run's real servers, with all caches cold."""

import re
from types import SimpleNamespace

import pytest
from pymongo import monitoring

from app import create_app
from chat.models import base, ensure_indexes
from chat.services import accounts, emoji
from tests.support.emptied import empty_redis
from tests.support.processes import CHEAP_PASSWORDS, new_database

CSRF = re.compile(r'csrf-token" content="([^"]*)"')


@pytest.fixture(autouse=True)
def _patience(patience):
    """For the small app as well."""


@pytest.fixture
def world(app):
    """An owner, one other person and one channel; a request of nobody is under way."""
    with app.test_request_context():
        empty_redis()
        base.NUMBERS.clear()
        emoji._noted.clear()  # of whoever wrote in this process before
        made = accounts.set_up("Site", "olga", "long password 1")
        other = accounts.register("boris", "long password 2", made["invite"]["code"])
        yield SimpleNamespace(
            owner=SimpleNamespace(**made["user"]),
            other=SimpleNamespace(**other),
            channel=made["channel"]["id"],
        )


class Commands(monitoring.CommandListener):
    """Every command that goes to MongoDB."""

    def __init__(self):
        self.seen = []

    def started(self, event):
        self.seen.append((event.command_name, event.command.get(event.command_name)))

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


@pytest.fixture(scope="module")
def commands():
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture(scope="module")
def browser(commands, mongod, valkey):
    """A signed-in member of a channel with sixty messages, in this process."""
    app = create_app({
        "MONGODB_URI": new_database(mongod.uri), "REDIS_URL": valkey.url,
        "SECRET_KEY": "only for tests, and long enough", "LIMIT_API": "100000/minute",
        "LIMIT_REGISTER": "1000/minute",
        "TESTING": True, **CHEAP_PASSWORDS,
    })  # fmt: skip
    with app.app_context():
        ensure_indexes()
    owner, member = app.test_client(), app.test_client()
    person = {"nickname": "olga", "password": "long password 1"}
    enter(owner, "/setup", site_name="Site", **person)
    invite = owner.post("/api/invites", headers={"X-CSRFToken": token(owner)}).json["code"]
    enter(member, "/register", invite=invite, **(person | {"nickname": "boris"}))
    channel = member.get("/api/channels").json["channels"][0]["id"]
    for n in range(60):
        sent = {"text": f"hello {n} 👍", "client_id": f"client-{n:05}"}
        owner.post(
            f"/api/channels/{channel}/messages", json=sent, headers={"X-CSRFToken": token(owner)}
        )
    member.channel, member.owner = channel, owner
    return member


def token(client):
    if not hasattr(client, "csrf"):
        client.csrf = CSRF.search(client.get("/settings").text)[1]
    return client.csrf


def enter(client, path, **fields):
    csrf = CSRF.search(client.get(path).text)[1]
    assert client.post(path, data=fields | {"csrf_token": csrf}).status_code == 303
