"""Real processes apply a change within seconds, with and without an event."""

import re

import pymongo
import pytest
from redis import Redis

from chat.rollout import FEATURES
from tests.rollout.conftest import touched
from tests.support.people import Person
from tests.support.processes import AppProcess, new_database
from tests.support.waiting import SECONDS, eventually


@pytest.fixture
def two(launch_app):
    """The same person at two processes."""
    first = launch_app()
    second = launch_app(beside=first)
    owner = Person(first.url, "olga").set_up()
    yield owner, owner.again(second.url), first
    owner.close()


def outcome(person):
    return person.get("/api/emoji").headers["X-Cache"]


def say(person, **percents):
    """Send the form of the status page."""
    page = person.get("/admin/status").text
    was = dict(re.findall(r'name="was_(\w+)" value="(\d+)"', page))
    fields = {f"was_{name}": value for name, value in was.items()} | was | percents
    assert person.post_form("/admin/rollout", sure="1", **fields).status_code == 303


def test_every_process_applies_a_change_and_nothing_is_left_in_redis(two, launch_app):
    here, there, app = two
    redis = launch_app.redis[0].client()
    eventually(lambda: outcome(here) == outcome(there) == "hit")

    say(here, emoji="0")
    eventually(lambda: outcome(here) == outcome(there) == "bypass")
    eventually(lambda: redis.exists("cache:emoji:classics", "v:{cache:emoji:classics}") == 0)
    shown = there.get("/admin/status").text
    assert re.search(r'name="emoji"[^>]*value="0"', shown)
    eventually(lambda: "Switching off" not in there.get("/admin/status").text)

    say(there, emoji="100")
    assert "Switching on" in here.get("/admin/status").text
    eventually(lambda: outcome(here) == outcome(there) == "hit")
    assert "Switching o" not in here.get("/admin/status").text

    # A change that nobody was told of is found, too.
    with pymongo.MongoClient(app.env["MONGODB_URI"]) as client:
        stored = client.get_default_database()["rollout"]
        change = {"$set": {"features.emoji.percent": 0}, "$inc": {"revision": 1}}
        assert stored.update_one({}, change).modified_count == 1
    eventually(lambda: outcome(here) == outcome(there) == "bypass")


@pytest.fixture
def quiet(own_redis, mongod, tmp_path):
    """A process, not yet started, for which all percentages are 0."""
    places = {"REDIS_URL": own_redis.url, "MONGODB_URI": new_database(mongod.uri)}
    app = AppProcess(tmp_path, **places, **{f"ROLLOUT_{name.upper()}": "0" for name in FEATURES})
    yield app.prepare()
    app.kill()


def test_with_all_at_zero_a_process_sends_not_one_command_for_any_of_them(quiet, own_redis):
    watching = Redis.from_url(own_redis.url, socket_timeout=SECONDS)
    said = []
    with watching, watching.monitor() as monitor:
        owner = Person(quiet.start().url, "olga").set_up()
        owner.say(owner.new_channel(), "hello 🎉")
        owner.tab().close()
        owner.close()
        own_redis.client().echo("used")
        # In the background, too: keys of which there is one are counted before all others.
        while not {"ECHO used", "SCAN 0 COUNT 500"} <= set(said):
            said.append(monitor.next_command()["command"])
    assert touched(line.split(" ") for line in said) == set()
    assert any(line.startswith("PUBLISH") for line in said), "it does use Redis"
