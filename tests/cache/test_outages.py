"""A process reports its outage in MongoDB, and trusts Redis again only after it (R13, R20)."""

import time
from collections.abc import Iterator

import pytest
from flask import Flask

from chat.cache import isolation, updates
from chat.cache.isolation import Outages
from chat.models.outage import Outage
from chat.redis import mark
from chat.redis.client import redis

OTHER = "another process"


@pytest.fixture
def own(app: Flask) -> Iterator[Outages]:
    """This process's, with Redis up and nobody cut off."""
    with app.app_context():
        redis.call(lambda client: client.ping())
        made = Outages()
        made.look()
        assert not made.elsewhere
        yield made


def epoch() -> bytes | None:
    """Of our mark, as Redis holds it."""
    client = redis.new_client()
    try:
        return client.hget(mark.KEY, "epoch")
    finally:
        client.close()


def comes_back() -> bool:
    redis.breaker.hurry()
    return redis.check()


def heard_by_others() -> tuple[bool, bool]:
    return Outage.others(OTHER, 5)


def test_a_write_that_was_not_announced_is_told_although_redis_is_only_busy(own: Outages) -> None:
    assert heard_by_others() == (False, False)
    own.say()
    assert heard_by_others() == (True, True)
    own.look()
    assert heard_by_others() == (False, False)


def test_who_said_only_that_it_is_there_says_so_when_it_is_cut_off(own: Outages) -> None:
    Outage.say(OTHER, cut_off=True)
    own.look()
    own.look()
    assert own.elsewhere
    assert heard_by_others() == (False, True)
    own.say()
    assert heard_by_others() == (True, True)


def test_redis_is_believed_again_however_long_it_takes_to_empty(
    own: Outages, monkeypatch: pytest.MonkeyPatch
) -> None:
    Outage.say(OTHER, cut_off=True)
    own.look()
    assert own.elsewhere
    monkeypatch.setattr(isolation, "QUERY_SECONDS", 0.2)
    monkeypatch.setattr(isolation.recovery, "flush", lambda client: time.sleep(0.3))
    asked = []
    own.before_trust(lambda: asked.append(heard_by_others()) or True)  # a query of MongoDB, too
    Outage.over(OTHER)
    own.look()
    assert asked
    assert not own.elsewhere


def test_redis_is_not_believed_before_everything_is_put_right(own: Outages) -> None:
    Outage.say(OTHER, cut_off=True)
    own.look()
    answers = [False, True]
    own.before_trust(lambda: answers.pop(0))
    Outage.over(OTHER)
    own.look()
    assert own.elsewhere
    own.look()
    assert not own.elsewhere


def test_a_returning_process_first_asks_which_others_are_cut_off(own: Outages) -> None:
    redis.suspect("a test")
    Outage.say(OTHER, cut_off=True)
    assert not isolation.elsewhere()
    assert comes_back()
    assert isolation.elsewhere()
    Outage.over(OTHER)


def test_a_report_that_arrives_during_a_query_is_not_lost(own: Outages) -> None:
    own.heed()
    own.before_trust(lambda: own.heed() or True)
    own.look()
    assert own.elsewhere


def test_our_mark_is_taken_away_before_the_first_write_that_nobody_is_told_of(
    own: Outages, caplog: pytest.LogCaptureFixture
) -> None:
    redis.call(lambda client: client.set("cache:site", "before"))
    redis.suspect("a test")
    assert epoch()
    own.say()
    assert not epoch()
    caplog.clear()
    assert comes_back()
    assert epoch()
    assert [record.getMessage()[:13] for record in caplog.records] == ["Redis is back"]


def test_who_has_come_back_is_not_turned_out_again_by_one_that_has_said_it_is_gone(
    own: Outages,
) -> None:
    redis.suspect("a test")
    client = redis.new_client()
    client.hdel(mark.KEY, "epoch")  # by another process
    own.look()
    client.hset(mark.KEY, "epoch", "of one that is back, and knows")
    own.say()
    assert epoch() == b"of one that is back, and knows"
    client.delete(mark.KEY)
    assert comes_back()


def test_what_others_may_have_forgotten_is_said_again_with_the_next_write(own: Outages) -> None:
    redis.suspect("a test")
    own.say()
    Outage.over(updates.origin())  # nothing was heard of this process for too long
    client = redis.new_client()
    client.hset(mark.KEY, "epoch", "of one that is back, and does not know")
    own._told_at -= isolation.FORGOTTEN
    own.say()
    assert heard_by_others() == (True, True)
    assert not epoch()
    client.delete(mark.KEY)
    assert comes_back()


def test_a_recovery_that_waits_for_something_else_has_reached_redis(
    own: Outages, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.suspect("a test")
    with monkeypatch.context() as broken:
        broken.setattr(redis, "_before_recovery", [lambda: False])
        assert not comes_back()
        assert epoch()
        own.say()
        assert not epoch()
    assert comes_back()


@pytest.mark.parametrize("reached", [True, False])
def test_a_redis_that_does_not_answer_is_not_waited_for(own: Outages, reached: bool) -> None:
    redis.suspect("a test", reached=reached)
    own.say()
    assert bool(epoch()) is not reached
    assert comes_back()


def test_a_process_of_the_version_before_is_cut_off_if_it_says_anything(own: Outages) -> None:
    Outage.say(OTHER, cut_off=True)
    Outage._get_collection().update_one({"_id": OTHER}, {"$unset": {"cut_off": 1}})
    own.look()
    assert own.elsewhere


def test_a_stopping_process_removes_its_report(own: Outages) -> None:
    own.say()
    own.stop()
    assert heard_by_others() == (False, False)
