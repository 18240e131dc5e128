"""The app in this process, with a new database and a clock that tests move."""

import re
from types import SimpleNamespace

import pytest

from app import create_app
from chat import rollout
from chat.models import Site
from chat.redis.client import redis
from chat.services import rollout as rollout_service
from chat.services.rollout import follower
from tests.cache.conftest import enter, token
from tests.support import databases
from tests.support.own_clock import Clock
from tests.support.processes import CHEAP_PASSWORDS, SECRET_KEY
from tests.support.servers import IN_PROCESS
from tests.support.small_app import make_user

PASSWORD = "long password 1"


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(rollout, "time", clock)
    monkeypatch.setattr(follower, "time", clock)
    return clock


@pytest.fixture
def made(mongod, valkey, clock, monkeypatch, patience):
    """Makes the app in this process, on one fresh database; a step is over when a test says so."""
    monkeypatch.setattr(rollout, "MARGIN", 0)
    places = {"MONGODB_URI": databases.emptied(), "REDIS_URL": valkey.url_of(IN_PROCESS)}
    valkey.client(IN_PROCESS).flushdb()

    def make(**env):
        settings = {"TESTING": True, "SECRET_KEY": SECRET_KEY, "LIMIT_API": "100000/minute"}
        app = create_app(
            settings | {"LIMIT_LOGIN": "10000/minute"} | CHEAP_PASSWORDS | places | env
        )
        follower._follower._declared = False  # as a process that has just started
        return app

    yield make
    redis.close()
    rollout.init_app(None)


@pytest.fixture
def following(made):
    """A process that follows the rollout, of an installation with an owner who has no browser."""
    app = made()
    with app.app_context():
        owner = make_user("olga", role="owner").id
        row = {"_id": "site", "name": "0", "owner": owner, "open_registration": False}
        Site._get_collection().insert_one(row)
        follower.look()
        yield app


@pytest.fixture
def site(made):
    """An owner and a member with a browser each; this process follows the rollout."""
    app = made()
    owner, member = app.test_client(), app.test_client()
    person = {"nickname": "olga", "password": PASSWORD}
    enter(owner, "/setup", site_name="Site", **person)
    invite = owner.post("/api/invites", headers={"X-CSRFToken": token(owner)}).json["code"]
    enter(member, "/register", invite=invite, **(person | {"nickname": "boris"}))
    with app.app_context():
        follower.look()
        yield SimpleNamespace(app=app, owner=owner, member=member, invite=invite)


def set_to(percent, *features):
    """An operator's change that every process has heard of, steps included."""
    for feature in features:
        rollout_service.command(feature, str(percent))
    follower.look()
    follower.settle()
    follower.look()


def touched(commands):
    """The features whose data keys or companions these commands name; a SCAN names none."""
    keys = [re.sub(r"^[vwaf]:\{(.*?)\}.*", r"\1", word) for line in commands for word in line]
    keys = [key.removeprefix("ended:{").removesuffix("}") for key in keys]
    return {rollout.feature_of(key) for key in keys if key != "cache:probe"} - {None}
