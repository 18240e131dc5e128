"""The steps of a fire drill in one process; the test moves the clock."""

import pytest

from chat.cache import fire_drill, isolation
from chat.cache.fire_drill import AWAY, BACK, NEAR, NONE, NOTICE, SETTLE
from chat.models import Drill
from chat.redis.client import redis
from tests.support.own_clock import Clock


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(fire_drill, "time", clock)
    return clock


@pytest.fixture
def follower(app, clock):
    """What a process knows of a drill of 60 seconds that has just been announced."""
    follower = fire_drill.DrillFollower()
    follower.cut_at, follower.ends_at = clock.now + NOTICE, clock.now + NOTICE + 60
    with app.app_context():
        assert redis.call(lambda client: client.ping())
        yield follower
        redis.let_in()
        redis.close()


def stands(follower):
    follower.apply()
    redis.check()  # as the watch does, every second
    return follower.phase(), redis.is_up(), isolation.elsewhere()


def test_caches_are_left_before_redis_is_and_taken_up_again_after_it(follower, clock):
    assert stands(follower) == (NEAR, True, True)
    clock.now += NOTICE
    assert stands(follower) == (AWAY, False, True)
    assert redis.state()["error"] == fire_drill.CAUSE
    tried = []
    redis.before_recovery(lambda: tried.append(1) or True)
    assert not redis.recover()
    assert tried == [], "nothing is even tried"
    clock.now += 60
    assert stands(follower) == (BACK, True, True)
    clock.now += SETTLE
    assert stands(follower) == (NONE, True, False)


def test_what_was_kept_before_is_gone_when_redis_is_trusted_again(follower, clock):
    redis.call(lambda client: client.set("cache:emoji:classics", "old"))
    clock.now += NOTICE
    stands(follower)
    clock.now += 60
    stands(follower)
    assert redis.is_up()
    assert redis.call(lambda client: client.get("cache:emoji:classics")) is None


def test_a_drill_that_begins_during_a_recovery_takes_place(follower, clock, monkeypatch):
    clock.now += NOTICE
    redis.suspect("a test")
    redis.before_recovery(lambda: follower.apply() or True)  # hears of it in the middle
    assert not redis.recover()
    assert not redis.is_up()


def test_it_ends_by_this_clock_if_mongodb_can_no_longer_be_asked(follower, clock, monkeypatch):
    def gone():
        raise fire_drill.PyMongoError("gone")

    monkeypatch.setattr(Drill, "read", gone)
    clock.now += NOTICE
    follower.look()
    assert not redis.is_up()
    clock.now += 60
    follower.look()
    assert stands(follower)[:2] == (BACK, True)


def test_what_was_over_before_this_process_started_is_not_settled_again(app, clock):
    Drill.begin({"id": "1", "nickname": "olga"}, 0, 0)
    follower = fire_drill.DrillFollower()
    with app.app_context():
        clock.now += 100 + SETTLE
        follower.look()
        clock.now += SETTLE
        assert follower.phase() == NONE
        assert Drill.begin({"id": "1", "nickname": "olga"}, 1, 60)
        assert not Drill.begin({"id": "1", "nickname": "olga"}, 1, 60)
        assert Drill.stop({"id": "1", "nickname": "olga"})
        assert not Drill.stop({"id": "1", "nickname": "olga"})
        assert Drill.read()["left_ms"] <= 0
