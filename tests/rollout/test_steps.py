"""The rollout percentages: cohorts, the two steps from and to 0 %, no command at 0 %."""

import re
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import presence, rollout
from chat.models import Rollout
from chat.redis.client import redis
from chat.redis_schema.keys import STRUCTURES
from chat.rollout import ENTERING, FEATURES, LEAVING, Share
from chat.services import activity, emoji
from chat.services import rollout as rollout_service
from chat.services.rollout import follower
from tests.cache import test_every_write as every
from tests.rollout.conftest import set_to, touched
from tests.support.servers import IN_PROCESS

PERCENT = st.integers(0, 100)
CSRF = re.compile(r'csrf-token" content="([^"]*)"')


# -- cohorts -------------------------------------------------------------------------------------


@given(st.sampled_from(FEATURES), st.text(max_size=50), PERCENT, PERCENT)
def test_raising_a_percentage_only_adds_people(feature, key, one, other):
    low, high = sorted((one, other))
    bucket = rollout.bucket(feature, key)
    assert 0 <= bucket < 100
    assert bucket == rollout.bucket(feature, key)
    assert (bucket < low) <= (bucket < high)


def test_a_cohort_is_the_same_after_every_release():
    assert [rollout.bucket(name, "65a0f0c2e4b0a1b2c3d4e5f6") for name in FEATURES] == BUCKETS


BUCKETS = [76, 32, 54, 59, 34, 53, 7]


@given(st.sampled_from(FEATURES), st.sampled_from(FEATURES), st.integers(5, 95))
def test_cohorts_have_their_size_and_are_independent_between_features(one, other, percent):
    if one == other:
        return
    inside = Counter(
        (
            rollout.bucket(one, f"person {n}") < percent,
            rollout.bucket(other, f"person {n}") < percent,
        )
        for n in range(2000)
    )
    share = percent / 100
    assert abs((inside[True, True] + inside[True, False]) / 2000 - share) < 0.05
    assert abs(inside[True, True] / 2000 - share * share) < 0.05


# -- steps ---------------------------------------------------------------------------------------


@given(st.lists(st.one_of(PERCENT, st.none()), max_size=12))
def test_readers_and_silent_writers_never_meet(changes):
    """Between two states that processes may be in at the same time, neither reads what the other
    does not announce."""
    share = Share(50)
    for percent in changes:
        settled = Share(share.percent)
        after = settled if percent is None else share.to(percent)
        if percent is not None:
            assert not (after.read and not share.written)
            assert not (share.read and not after.written)
        share = after


def test_from_zero_writes_are_announced_first_and_read_last(following):
    set_to(0, "emoji")
    assert (rollout.percent("emoji"), rollout.writes("emoji")) == (0, False)
    rollout_service.command("emoji", "40")
    follower.look()
    assert (rollout.percent("emoji"), rollout.writes("emoji")) == (0, True)
    redis.call(lambda r: r.hset("cache:emoji:classics", "🎉", 1))  # from some time before
    redis.call(lambda r: r.set("v:{cache:emoji:classics}", "old"))
    follower.settle()
    assert redis.call(lambda r: r.exists("cache:emoji:classics", "v:{cache:emoji:classics}")) == 0
    assert rollout.percent("emoji") == 0, "not before this process has heard of it"
    follower.look()
    assert (rollout.percent("emoji"), rollout.writes("emoji")) == (40, True)


def test_to_zero_reading_ends_first_and_announcing_last(site):
    site.member.get("/api/emoji")
    assert redis.call(lambda r: r.exists("cache:emoji:classics"))
    rollout_service.command("emoji", "0")
    follower.look()
    assert (rollout.percent("emoji"), rollout.writes("emoji")) == (0, True)
    follower.settle()
    follower.look()
    assert (rollout.percent("emoji"), rollout.writes("emoji")) == (0, False)
    assert redis.call(lambda r: list(r.scan_iter("*emoji*"))) == []


def test_a_step_is_not_over_before_its_time(following, monkeypatch):
    monkeypatch.setattr(rollout, "MARGIN", 3600)
    rollout_service.command("emoji", "0")
    follower.settle()
    assert Rollout.read()["features"]["emoji"]["stage"] == LEAVING
    rollout_service.command("emoji", "7")
    follower.settle()
    assert Rollout.read()["features"]["emoji"]["stage"] == ENTERING


def test_every_process_has_heard_of_a_change_before_what_it_knew_is_worth_nothing():
    """Nobody has to tell it: it asks so often, and waits no longer for the answer."""
    assert min(5, rollout.LEASE) > follower.EVERY + follower.QUERY_SECONDS
    assert rollout.LEASE < rollout.MARGIN


def test_a_step_that_turns_round_waits_anew(following):
    rollout_service.command("emoji", "0")
    began = Rollout.read()["features"]["emoji"]["since"]
    rollout_service.command("emoji", "7")
    assert Rollout.read()["features"]["emoji"]["since"] > began
    assert not Rollout.settle("emoji", began)


def test_a_step_waits_for_redis(following):
    rollout_service.command("emoji", "0")
    redis.suspect("a test")
    follower.settle()
    assert Rollout.read()["features"]["emoji"]["stage"] == LEAVING


def test_one_process_empties_at_a_time(following):
    rollout_service.command("emoji", "0")
    since = Rollout.read()["features"]["emoji"]["since"]
    assert Rollout.claim("emoji", since, 0, 60)
    assert not Rollout.claim("emoji", since, 0, 60)
    assert Rollout.claim("emoji", since, 0, 0), "who took it on may have died"


def test_without_mongodb_what_was_heard_last_stays_and_every_write_is_announced(following, clock):
    set_to(0, "emoji")
    set_to(30, "users")
    for _ in range(10):  # asking, and no answer
        clock.now += 2
        rollout.trying(clock.now)
    assert (rollout.percent("emoji"), rollout.percent("users")) == (0, 30)
    assert rollout.writes("emoji")


def test_a_process_that_stood_still_reads_nothing_until_it_has_heard(following, clock):
    set_to(30, "users")
    clock.now += rollout.LEASE + 1
    assert rollout.percent("users") == 0
    assert all(rollout.writes(feature) for feature in FEATURES)
    follower.look()
    assert rollout.percent("users") == 30


def test_what_is_stored_wins_over_the_environment_and_a_new_environment_takes_the_steps(made):
    quiet = dict.fromkeys((f"ROLLOUT_{name.upper()}" for name in FEATURES), 0)
    with made(**quiet).app_context():
        follower.look()
        assert {rollout.percent(name) for name in FEATURES} == {0}
        assert not any(rollout.writes(name) for name in FEATURES)
        rollout_service.command("users", "20")
    with made().app_context():  # a rolling deploy: the others still run with 0
        follower.look()
        stored = Rollout.read()["features"]
        assert {stored[name]["stage"] for name in FEATURES} == {ENTERING}
        assert {stored[name]["percent"] for name in set(FEATURES) - {"users"}} == {100}
        assert stored["users"]["percent"] == 20
        assert {rollout.percent(name) for name in FEATURES} == {0}
        told = [e for e in rollout_service.entries() if e["action"] == "rollout.environment"]
        assert {e["subject"] for e in told} == set(FEATURES) - {"users"}
        rollout_service.command("users", "environment")
        assert Rollout.read()["features"]["users"]["percent"] == 100


def test_a_document_that_was_lost_is_what_the_processes_know(following):
    set_to(0, "emoji")
    Rollout.objects.delete()
    follower.look()
    assert not rollout.writes("emoji")
    assert Rollout.read()["features"]["emoji"]["percent"] == 0


# -- not one command -----------------------------------------------------------------------------


class Monitored:
    """Every command that the server gets for the database of these tests."""

    def __init__(self, valkey):
        self.client = valkey.client(IN_PROCESS)
        self.monitor = self.client.monitor()

    def __enter__(self):
        self.monitor.__enter__()
        return self

    def __exit__(self, *_):
        self.monitor.__exit__(None, None, None)

    def until_now(self):
        self.client.echo("until now")
        found = []
        while (said := self.monitor.next_command())["command"] != "ECHO until now":
            if said["db"] == IN_PROCESS and not said["command"].startswith("SCAN"):
                found.append(said["command"].split(" "))
        return found


@pytest.fixture
def furnished(made, monkeypatch):
    """People and channels of every kind; their browsers are signed in."""
    monkeypatch.setattr(activity, "_noted", {})
    monkeypatch.setattr(activity, "_written", {})
    app = made()
    with app.app_context():
        follower.look()
        with app.test_request_context():
            facts = every.furnish()
        yield SimpleNamespace(app=app, **vars(facts))


def use_everything(w):
    """Every write there is, every read, a browser that comes and goes, and a socket that does."""
    last = ("channels.leave", "accounts.deactivate")
    with w.app.test_request_context():
        for name in [*sorted(every.WRITES.keys() - {"accounts.set_up", *last}), *last]:
            every.attempt(every.WRITES[name], w)
        every.answers()
    browser = w.app.test_client()
    page = browser.get("/login").text
    form = {"nickname": "clara", "password": every.PASSWORD, "csrf_token": CSRF.search(page)[1]}
    assert browser.post("/login", data=form).status_code == 303
    for path in ("/channels/general", "/channels", "/api/users", "/api/channels", "/api/emoji"):
        for _ in range(3):
            assert browser.get(path).status_code in (200, 301)  # the channel was renamed
    presence.connect(w.clara.id, "a socket")
    presence._holder.tick()
    presence.disconnect(w.clara.id, "a socket")
    presence._holder.tick()
    presence._holder._recount()
    browser.post("/logout", data={"csrf_token": CSRF.search(browser.get("/settings").text)[1]})


@pytest.mark.parametrize("feature", FEATURES)
def test_at_zero_percent_not_one_command_is_for_the_structure(furnished, valkey, feature):
    set_to(0, feature)
    with Monitored(valkey) as monitored:
        use_everything(furnished)
        assert touched(monitored.until_now()) == set(FEATURES) - {feature}


def test_with_all_at_zero_nothing_of_them_is_in_redis(furnished, valkey):
    use_everything(furnished)
    assert {rollout.feature_of(key) for key in valkey.client(IN_PROCESS).keys("*")} > {*FEATURES}
    set_to(0, *FEATURES)
    left = valkey.client(IN_PROCESS).keys("*")
    assert {rollout.feature_of(key) for key in left} == {None}
    assert not [key for key in left if key.startswith(("v:", "a:", "f:"))]


def test_every_declared_structure_belongs_to_a_feature():
    assert {s.rollout for s in STRUCTURES} == set(FEATURES)
    assert all(rollout.feature_of(s.name.replace("*", "x")) == s.rollout for s in STRUCTURES)


def test_an_answer_from_before_a_change_is_not_given_again(site, valkey):
    for _ in range(3):
        assert site.member.get("/api/emoji").headers.get("X-Cache") in ("hit", "miss")
    assert site.member.get("/api/emoji").headers["X-Cache"] == "hit"
    set_to(0, "emoji")
    emoji.note("🎉")
    emoji.flush()  # announced to nobody
    with Monitored(valkey) as monitored:
        said = site.member.get("/api/emoji")
        assert "emoji" not in touched(monitored.until_now())
    assert said.headers["X-Cache"] == "bypass"
    assert "🎉" in str(said.json)
