"""The last activity of people: written in batches, at most once a minute for a person."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pymongo
import pytest
from bson import ObjectId
from pymongo.errors import AutoReconnect

from chat.models import User
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.services import activity, users
from tests.support.people import Person


class Clock:
    """Minutes pass when the test says so."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self.moment = now.replace(microsecond=now.microsecond // 1000 * 1000)

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float) -> datetime:
        self.moment += timedelta(seconds=seconds)
        return self.moment


@pytest.fixture
def clock(site, monkeypatch) -> Clock:
    """Nobody has been noted yet, and an hour has gone by since everybody came."""
    activity._noted.clear()
    activity._written.clear()
    made = Clock()
    made.pass_by(3600)
    monkeypatch.setattr(activity.base, "now", made)
    return made


@pytest.fixture
def writes(monkeypatch) -> list[dict[str, datetime]]:
    """Every batch that went to MongoDB."""
    batches: list[dict[str, datetime]] = []
    touch_all = User.touch_all

    def counted(moments: dict[str, datetime]) -> None:
        batches.append(dict(moments))
        touch_all(moments)

    monkeypatch.setattr(User, "touch_all", counted)
    return batches


def listed() -> list[str]:
    found, _ = users.list_people()
    return [person["id"] for person in found]


def stored(person) -> datetime:
    return User.last_active_of([person.id])[person.id]


def test_many_acts_of_many_people_are_one_write(site, clock, writes):
    for _ in range(50):
        activity.touch(site.owner.id)
        activity.touch(site.other.id)
        last = clock.pass_by(0.1)
    activity.flush()
    assert len(writes) == 1
    assert set(writes[0]) == {site.owner.id, site.other.id}
    assert stored(site.owner) == last - timedelta(seconds=0.1)  # the latest of them
    activity.flush()
    assert len(writes) == 1


def test_a_person_is_written_at_most_once_a_minute(site, clock, writes):
    for _ in range(180):
        activity.touch(site.owner.id)
        activity.flush()
        clock.pass_by(1)
    moments = [batch[site.owner.id] for batch in writes]
    assert len(moments) == 3
    assert all(b - a >= timedelta(minutes=1) for a, b in pairwise(moments))


def test_an_act_during_the_write_of_the_same_person_is_written_once(
    site, clock, writes, monkeypatch
):
    write = User.touch_all

    def slowly(moments):
        clock.pass_by(2)
        activity.touch(site.owner.id)
        write(moments)

    monkeypatch.setattr(User, "touch_all", slowly)
    activity.touch(site.owner.id)
    activity.flush()
    monkeypatch.setattr(User, "touch_all", write)
    activity.flush()
    assert len(writes) == 1


@pytest.mark.needs_redis  # the list in Redis tells
def test_a_person_written_by_another_process_in_this_minute_is_skipped(site, clock, writes):
    listed()  # the list is there
    activity.touch(site.owner.id)
    activity.flush()
    activity._written.clear()  # as another process, which knows nothing of it
    clock.pass_by(40)
    activity.touch(site.owner.id)
    activity.flush()
    assert len(writes) == 1
    clock.pass_by(20)  # the minute counts from what is stored
    activity.touch(site.owner.id)
    activity.flush()
    assert len(writes) == 2


def test_what_mongodb_did_not_take_is_written_by_the_next_flush(site, clock, writes, monkeypatch):
    write = User.touch_all

    def refuse(moments):
        activity.touch(site.other.id)
        raise AutoReconnect("gone")

    activity.touch(site.owner.id)
    moment = clock()
    monkeypatch.setattr(User, "touch_all", refuse)
    with pytest.raises(AutoReconnect):
        activity.flush()
    monkeypatch.setattr(User, "touch_all", write)
    clock.pass_by(10)
    activity.flush()
    assert writes == [{site.owner.id: moment, site.other.id: moment}]
    assert stored(site.owner) == moment


@pytest.mark.needs_redis  # the list in Redis tells
def test_the_list_is_reordered_and_not_emptied(site, clock, writes):
    owner, other = site.owner.id, site.other.id
    activity.touch(other)
    activity.flush()
    assert listed() == [other, owner]
    version = redis.call(lambda r: r.get(f"v:{{{keys.users_list()}}}"))
    lifetime = redis.call(lambda r: r.expiretime(keys.users_list()))
    for first, second in ((owner, other), (other, owner)):
        clock.pass_by(90)
        activity.touch(first)
        activity.flush()
        assert redis.call(lambda r: r.zrevrange(keys.users_list(), 0, -1)) == [first, second]
        assert listed() == [first, second]
    assert len(writes) == 3
    assert redis.call(lambda r: r.get(f"v:{{{keys.users_list()}}}")) == version
    assert redis.call(lambda r: r.expiretime(keys.users_list())) == lifetime
    assert [str(row["_id"]) for row in User.recent(10, None)] == [other, owner]  # MongoDB agrees


def test_a_list_that_has_expired_is_not_begun_with_those_who_are_active(site, clock, writes):
    listed()
    redis.call(lambda r: r.delete(keys.users_list()))
    activity.touch(site.other.id)
    activity.flush()
    assert not redis.call(lambda r: r.exists(keys.users_list()))
    assert listed() == [site.other.id, site.owner.id]


def test_pages_by_activity_hold_everybody_once_after_a_batch(site, clock):
    extra = [ObjectId() for _ in range(8)]
    User._get_collection().insert_many(
        {"_id": oid, "nickname": f"p{n}", "nickname_key": f"p{n}", "password_hash": "-",
         "role": "member", "active": True, "last_active": clock() - timedelta(minutes=10 + n),
         "created_at": clock()}
        for n, oid in enumerate(extra)
    )  # fmt: skip
    redis.call(lambda r: r.delete(keys.users_list()))
    listed()
    for oid in extra[3:6]:
        activity.touch(str(oid))
        clock.pass_by(1)
    activity.flush()
    seen, cursor = [], None
    while True:
        page, cursor = users.list_people(3, cursor)
        seen += [person["id"] for person in page]
        if cursor is None:
            break
    order = [extra[n] for n in (5, 4, 3, 0, 1, 2, 6, 7)]
    assert seen[:8] == [str(oid) for oid in order]
    assert sorted(seen) == sorted({*seen})
    assert len(seen) == 10


def test_more_people_than_are_remembered_are_forgotten_after_their_minute(
    site, clock, writes, monkeypatch
):
    monkeypatch.setattr(activity, "MOST_REMEMBERED", 1)
    activity.touch(site.owner.id)
    activity.flush()
    clock.pass_by(50)
    activity.touch(site.other.id)
    activity.flush()
    activity.touch(site.owner.id)  # still in their minute
    activity.flush()
    assert len(writes) == 2
    clock.pass_by(20)
    activity.touch(site.owner.id)
    activity.flush()
    assert len(writes) == 3
    assert len(activity._written) == 2


def test_a_graceful_stop_writes_the_last_batch(launch_app):
    app = launch_app()
    owner = Person(app.url, "owner").set_up()
    app.kill()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with pymongo.MongoClient(app.env["MONGODB_URI"], tz_aware=True) as client:
        users = client.get_default_database()["users"]
        users.update_one({"nickname": "owner"}, {"$set": {"last_active": long_ago}})
        launch_app.redis[0].client().delete("cache:users:list")
        app.start()
        asked = datetime.now(UTC)
        owner.tab().close()
        owner.close()
        app.stop()
        assert app.status == 0
        last_active = users.find_one({"nickname": "owner"})["last_active"]
    assert last_active > asked - timedelta(seconds=1)
