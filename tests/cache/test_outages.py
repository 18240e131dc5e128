"""What a process says of itself in MongoDB, and when it believes Redis again (R13, R20)."""

import time
from collections.abc import Iterator

import pytest
from flask import Flask

from chat.cache import isolation
from chat.cache.isolation import Outages
from chat.models.outage import Outage
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


def test_a_process_of_the_version_before_is_cut_off_if_it_says_anything(own: Outages) -> None:
    Outage.say(OTHER, cut_off=True)
    Outage._get_collection().update_one({"_id": OTHER}, {"$unset": {"cut_off": 1}})
    own.look()
    assert own.elsewhere


def test_who_stops_takes_back_what_it_said(own: Outages) -> None:
    own.say()
    own.stop()
    assert heard_by_others() == (False, False)
