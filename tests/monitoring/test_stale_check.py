"""The stale check finds a wrong cached value, and does not mistake a change for one."""

import json
import threading
from collections import Counter

import pytest

from app import create_app
from chat.cache import messages
from chat.cache.fence import writes as fence_writes
from chat.monitoring import stale_check
from chat.telemetry import registry
from tests.monitoring.scrape import scrape
from tests.support.people import Person
from tests.support.processes import SECRET_KEY, Launcher
from tests.support.waiting import eventually

CHECKS = "chat_cache_shadow_checks_total"


def verdicts(app, verdict):
    return scrape(app.url).of(CHECKS, verdict=verdict)


def test_a_wrong_value_under_a_valid_version_is_counted_as_stale_and_a_right_one_never(launch_app):
    app = launch_app(SHADOW_SAMPLE="100")
    person = Person(app.url).set_up()
    channel = person.new_channel()
    person.say(channel, "right")

    def read():
        for path in ("/api/channels", f"/api/channels/{channel['id']}/messages", "/api/me"):
            assert person.api("GET", path).ok
        return scrape(app.url)

    eventually(lambda: read().of(CHECKS, structure="cache:channels:list", verdict="agreed") > 0)
    eventually(lambda: read().of(CHECKS, structure="cache:users:profile:*", verdict="agreed") > 0)
    assert verdicts(app, "stale") == 0
    redis = launch_app.redis[0].client()
    key = f"cache:messages:recent:{channel['id']}"
    eventually(lambda: read() and redis.exists(key))
    wrong = json.loads(redis.lindex(key, -1)) | {"text": "wrong"}
    redis.lset(key, -1, json.dumps(wrong))
    eventually(lambda: read().of(CHECKS, structure="cache:messages:recent:*", verdict="stale") > 0)
    assert "a cached value is not what MongoDB says: cache:messages:recent" in app.tail()
    told = scrape(app.url)
    assert told.of(CHECKS, verdict="stale") == told.of(
        CHECKS, verdict="stale", structure="cache:messages:recent:*"
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory, mongod):
    """An app that compares nothing by itself, and whoever set it up."""
    launcher = Launcher(tmp_path_factory.mktemp("stale"), mongod.uri)
    app = launcher(SHADOW_SAMPLE="0")
    yield app, Person(app.url).set_up()
    launcher.close()


@pytest.fixture
def here(running):
    """An app in this process on the same stores."""
    places = {name: running[0].env[name] for name in ("MONGODB_URI", "REDIS_URL")}
    return create_app({"TESTING": True, "SECRET_KEY": SECRET_KEY, **places})


def test_at_zero_percent_nothing_is_compared(running):
    app, person = running
    for _ in range(20):
        assert person.api("GET", "/api/channels").ok
    told = scrape(app.url)
    assert told.of("chat_cache_reads_total", outcome="hit") > 0
    assert told.of(CHECKS) == 0


class Over(Exception):
    """The watch would go on for ever."""


class Gevent:
    """Stands for the module where the watch rests: a clock that only resting moves."""

    def __init__(self, rests):
        self.now, self._left = 0.0, rests

    def sleep(self, seconds):
        self.now += seconds
        self._left -= 1
        if not self._left:
            raise Over


def test_comparisons_are_a_second_apart_however_many_wait(monkeypatch):
    clock, compared = Gevent(rests=5), []
    waiting = stale_check.StaleCheck(share=1.0)
    monkeypatch.setattr(stale_check, "_check", waiting)
    monkeypatch.setattr(stale_check, "gevent", clock)
    monkeypatch.setattr(stale_check, "check", lambda _app, key: compared.append((clock.now, key)))
    for number in range(5):
        waiting.sample([f"cache:users:profile:{number}"])
    with pytest.raises(Over):
        stale_check.watch(None)
    assert compared == [(float(n), f"cache:users:profile:{n}") for n in range(5)]


def test_what_more_answers_than_can_be_compared_would_add_is_skipped_and_counted():
    waiting, skipped = stale_check.StaleCheck(share=1.0), ("cache:site", "skipped")
    before = registry.SHADOW.values.get(skipped, 0)
    for _ in range(stale_check.MOST_WAITING):
        waiting.sample(["cache:site", "session:not-compared"])
    assert registry.SHADOW.values.get(skipped, 0) == before
    for _ in range(7):
        waiting.sample(["cache:site"])
    assert list(waiting.waiting) == ["cache:site"] * stale_check.MOST_WAITING
    assert registry.SHADOW.values[skipped] == before + 7


def test_what_changes_while_it_is_compared_is_undecided_and_never_stale(running, here):
    _, person = running
    channel = person.new_channel()
    me = person.api("GET", "/api/me").json()["id"]
    keys = [
        f"cache:messages:recent:{channel['id']}", f"cache:messages:tail:{channel['id']}",
        f"cache:users:marks:{me}", f"cache:channel:users:{channel['id']}", "cache:channels:list",
        f"cache:users:profile:{me}", "cache:emoji:classics", "cache:site",
    ]  # fmt: skip
    over = threading.Event()
    writer = threading.Thread(target=write, args=(person, channel, over))
    writer.start()
    found: Counter[tuple[str, str]] = Counter()
    try:
        while sum(found.values()) < 800:
            for key in keys:
                found[key.rpartition(":")[0], stale_check.check(here, key)] += 1
    finally:
        over.set()
        writer.join()
    assert not [key for key, verdict in found if verdict in ("stale", "failed")], found
    assert sum(n for (_, verdict), n in found.items() if verdict == "agreed") > 100, found
    assert sum(n for (_, verdict), n in found.items() if verdict == "undecided") > 0, found


def test_a_write_between_the_two_looks_makes_it_undecided(running, here):
    _, person = running
    channel = person.new_channel()
    person.say(channel, "first")
    recent = messages.source(channel["id"])

    def fresh():
        return person.api("GET", f"/api/channels/{channel['id']}/messages").ok

    def compared(meanwhile):
        with here.app_context():
            return stale_check.compare(
                recent._replace(load=lambda: (meanwhile(), recent.load())[1])
            )

    eventually(lambda: fresh() and compared(lambda: None) == "agreed")
    assert compared(lambda: person.say(channel, "in between")) == "undecided"
    eventually(lambda: fresh() and compared(lambda: None) == "agreed")
    begun = []
    assert compared(lambda: begun.append(fence_writes.begin(recent.key))) == "undecided"
    with here.app_context():
        assert stale_check.compare(recent) == "undecided"  # a write is under way already
        fence_writes.release(begun[0])
    eventually(lambda: fresh() and compared(lambda: None) == "agreed")


def write(person, channel, over):
    """Posts, edits, deletes, reads and renames, as fast as the app takes it, and reads between."""
    number = 0
    while not over.is_set():
        number += 1
        message = person.say(channel, f"message {number} 🎉")
        person.api("GET", f"/api/channels/{channel['id']}/messages")
        person.patch(f"/api/messages/{message['id']}", {"text": f"edited {number}"})
        person.post(f"/api/channels/{channel['id']}/read", {"seq": message["seq"]})
        person.patch(f"/api/channels/{channel['id']}", {"topic": f"topic {number}"})
        for path in ("/api/channels", "/api/emoji", f"/api/channels/{channel['id']}/users"):
            person.api("GET", path)
        if number % 3 == 0:
            person.delete(f"/api/messages/{message['id']}")
