"""What is warm is answered without MongoDB (R18)."""

import re

import pytest
from pymongo import monitoring

from app import create_app
from chat.models import ensure_indexes

CSRF = re.compile(r'csrf-token" content="([^"]*)"')


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
    from tests.support.processes import new_database

    app = create_app({
        "MONGODB_URI": new_database(mongod.uri), "REDIS_URL": valkey.url,
        "SECRET_KEY": "only for tests, and long enough", "LIMIT_API": "100000/minute",
        "TESTING": True,
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
    member.channel = channel
    return member


def token(client):
    if not hasattr(client, "csrf"):
        client.csrf = CSRF.search(client.get("/settings").text)[1]
    return client.csrf


def enter(client, path, **fields):
    csrf = CSRF.search(client.get(path).text)[1]
    assert client.post(path, data=fields | {"csrf_token": csrf}).status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "/channels/general",
        "/api/users",
        "/api/users/online",
        "/api/channels",
        "/api/channels/{channel}",
        "/api/channels/{channel}/users",
        "/api/channels/{channel}/messages",
        "/api/emoji",
        "/api/me",
    ],
)
def test_a_warm_read_asks_mongodb_nothing(browser, commands, path):
    path = path.format(channel=browser.channel)
    first = browser.get(path)
    browser.get(path)
    commands.seen.clear()

    warm = browser.get(path)

    assert warm.status_code == 200
    assert warm.headers.get("X-Cache", "hit") == "hit"
    assert commands.seen == []
    assert browser.get(path).headers.get("ETag") == first.headers.get("ETag")


def test_a_cold_read_does_ask_mongodb(browser, commands):
    """The negative twin: the listener hears."""
    from chat.extensions import redis

    redis.call(lambda r: r.delete(f"cache:messages:recent:{browser.channel}"))
    commands.seen.clear()
    browser.get(f"/api/channels/{browser.channel}/messages")
    assert ("find", "messages") in commands.seen
