"""The counters equal what a client has done."""

import re
from uuid import uuid4

import pytest

from tests.monitoring.scrape import scrape
from tests.support.people import Person
from tests.support.processes import Launcher
from tests.support.waiting import eventually

READS, SESSIONS = "chat_cache_reads_total", "chat_sessions_read_total"
REQUESTS = "chat_http_request_duration_seconds_count"
HISTORY = "/api/channels/<channel_id>/messages"


class Since:
    """What was added since now."""

    def __init__(self, app):
        self._app, self._then = app, scrape(app.url)

    def __call__(self, name, **labels):
        return scrape(self._app.url).of(name, **labels) - self._then.of(name, **labels)


@pytest.fixture(scope="module")
def launched(tmp_path_factory, mongod):
    launcher = Launcher(tmp_path_factory.mktemp("counts"), mongod.uri)
    launcher(SHADOW_SAMPLE="0")
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def owner_here(launched):
    return Person(launched.launched[0].url).set_up()


@pytest.fixture
def alone(launched, owner_here):
    """An app that nobody else uses, and whoever set it up."""
    return launched.launched[0], owner_here


def test_requests_are_told_apart_by_route_status_and_how_they_were_answered(alone):
    app, person = alone
    channel = person.new_channel()
    person.say(channel, "hello")
    path = f"/api/channels/{channel['id']}/messages"
    eventually(lambda: person.api("GET", path).headers["X-Cache"] == "hit")
    since = Since(app)
    answers = [person.api("GET", path) for _ in range(12)]  # most are given again, without Flask
    hits = sum(answer.headers["X-Cache"] == "hit" for answer in answers)
    assert hits > 0
    assert since(REQUESTS, route=HISTORY, answered="hit", status="2xx", method="GET") == hits
    assert since(REQUESTS, route=HISTORY) == 12
    etag = answers[-1].headers["ETag"]
    person.api("GET", path, headers={"If-None-Match": etag})
    assert since(REQUESTS, route=HISTORY, status="3xx") == 1
    person.api("GET", f"/api/channels/{'0' * 24}/messages")
    assert since(REQUESTS, route=HISTORY, status="4xx") == 1
    person.say(channel, "again")
    assert since(REQUESTS, route=HISTORY, method="POST", status="2xx") == 1
    for nonsense in ("/nowhere", f"/{uuid4().hex}", "/api/nothing"):
        person.api("GET", nonsense)
    routes = scrape(app.url).labels(REQUESTS, "route")
    assert not [route for route in routes if "nowhere" in route or channel["id"] in route]
    person.session.request("BREW", app.url + "/login", timeout=30)
    assert "BREW" not in scrape(app.url).labels(REQUESTS, "method")


def test_reads_of_caches_and_sessions_are_counted_by_where_the_answer_came_from(alone, launched):
    app, person = alone
    channel = person.new_channel()
    person.say(channel, "hello")
    path = f"/api/channels/{channel['id']}/messages"
    recent = {"structure": "cache:messages:recent:*"}
    redis = launched.redis[0].client()
    eventually(lambda: person.api("GET", path).headers["X-Cache"] == "hit")
    redis.delete(f"cache:messages:recent:{channel['id']}")
    since = Since(app)
    assert person.api("GET", path).headers["X-Cache"] == "miss"
    assert since(READS, outcome="miss", **recent) == 1
    asked = {"collection": "messages", "verb": "find"}
    assert since("chat_mongodb_command_duration_seconds_count", **asked) >= 1
    eventually(lambda: person.api("GET", path).headers["X-Cache"] == "hit")
    since = Since(app)
    for _ in range(10):
        assert person.api("GET", path).headers["X-Cache"] == "hit"
    assert since(READS, outcome="hit", **recent) == 10
    assert since(READS, outcome="miss") == 0
    assert since(SESSIONS, store="redis") == 10
    assert since(SESSIONS, store="mongodb") == 0
    assert since("chat_redis_command_duration_seconds_count", family="get") >= 10
    redis.set("cache:site", "{nonsense", keepttl=True)
    redis.set("v:{cache:site}", "a version of which nobody has a copy")
    since = Since(app)
    assert person.get("/settings").ok
    assert since(READS, outcome="error", structure="cache:site") == 1


def test_writing_commands_of_redis_are_told_apart_from_reading_ones(alone):
    app, person = alone
    channel = person.new_channel()
    person.say(channel, "first")
    since = Since(app)
    for _ in range(5):
        person.say(channel, "again")
    trips = "chat_redis_command_duration_seconds_count"
    # Each post is announced with the checks before it, and ends in a round trip of its own.
    assert since(trips, family="set") >= 5
    assert since(trips, family="get") >= 5
    assert since("chat_redis_command_duration_seconds_sum", family="set") > 0
    assert scrape(app.url).labels(trips, "family") <= {"get", "set", "script", "other"}


def test_the_share_of_a_rollout_is_told_as_it_was_chosen(alone):
    app, person = alone
    ratio = "chat_rollout_ratio"
    eventually(lambda: scrape(app.url).of(ratio, feature="emoji") == 1)
    choose(person, emoji="40")
    eventually(lambda: scrape(app.url).of(ratio, feature="emoji") == 0.4)
    assert scrape(app.url).of(ratio, feature="users") == 1
    choose(person, emoji="100")
    eventually(lambda: scrape(app.url).of(ratio, feature="emoji") == 1)


def choose(person, **percents):
    """Send the form of the status page."""
    page = person.get("/admin/status").text
    was = dict(re.findall(r'name="was_(\w+)" value="(\d+)"', page))
    fields = {f"was_{name}": value for name, value in was.items()} | was | percents
    assert person.post_form("/admin/rollout", sure="1", **fields).status_code == 303


def test_without_redis_everything_is_a_bypass_and_sessions_come_from_mongodb(launch_app):
    app = launch_app(DISABLE_REDIS="true")
    person = Person(app.url).set_up()
    since = Since(app)
    assert person.api("GET", "/api/channels").headers["X-Cache"] == "bypass"
    assert since(READS, outcome="bypass") > 0
    assert since(READS, outcome="hit") == 0
    assert since(SESSIONS, store="mongodb") == 1
    assert since(REQUESTS, route="/api/channels", answered="bypass") == 1
    told = scrape(app.url)
    assert (told.of("chat_redis_enabled"), told.of("chat_redis_up")) == (0, 0)
    assert told.of("chat_rollout_ratio") == 0


def test_sockets_deliveries_and_catching_up_are_counted(alone):
    app, person = alone
    channel = person.new_channel()
    first = person.say(channel, "first")
    tabs = [person.tab() for _ in range(3)]
    eventually(lambda: scrape(app.url).of("chat_sockets_open") == 3)
    since = Since(app)
    person.say(channel, "second")
    assert since("chat_socket_emits_total", event="message:new") == 1
    eventually(lambda: since("chat_published_total", outcome="sent") >= 1)
    assert since("chat_publish_queue_lag_seconds_count") >= 1
    eventually(lambda: since("chat_socket_deliveries_total") >= 3)
    assert since("chat_socket_writes_total") >= 3
    since = Since(app)
    asked = {"channel": channel["id"], "after": first["seq"], "rev": first["rev"]}
    answer = tabs[0].socket.call("channel:open", asked)
    assert len(answer["messages"]) == 1
    assert since("chat_catch_ups_total", told="changes") == 1
    assert since("chat_caught_up_changes_total") == 1
    assert since("chat_gaps_repaired_total", where="browser") == 1
    tabs[0].socket.call("channel:open", asked | {"rev": answer["rev"]})
    assert since("chat_catch_ups_total", told="nothing") == 1
    assert since("chat_gaps_detected_total", where="browser") == 1


def test_while_redis_is_gone_reads_are_down_and_calls_fall_back(alone, launched):
    app, person = alone
    launched.redis[0].kill()
    since = Since(app)
    eventually(lambda: person.api("GET", "/api/channels").headers["X-Cache"] == "down")
    assert since(READS, outcome="down") > 0
    assert since("chat_redis_fallbacks_total", reason="outage") >= 1
    eventually(lambda: scrape(app.url).of("chat_redis_breaker_open") == 1)
    launched.redis[0].start()
    eventually(lambda: scrape(app.url).of("chat_redis_up") == 1)
    eventually(lambda: since("chat_gaps_detected_total", where="subscription") >= 1)
    eventually(lambda: since("chat_gaps_repaired_total", where="subscription") >= 1)
