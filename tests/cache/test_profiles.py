"""Reads of many profiles: cheap, and never older than an acknowledged write."""

import pytest

from chat.cache import fence, users
from chat.cache.fence import writes as fence_writes
from chat.models import User
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.services import accounts


def calls(name):
    """How often Redis has run a command since it started."""
    stats = redis.call(lambda r: r.info("commandstats"))
    return stats.get(f"cmdstat_{name}", {}).get("calls", 0)


def statuses(world):
    found = users.get_profiles([world.owner.id, world.other.id])
    return [found[person.id]["status"] for person in (world.owner, world.other)]


def test_warm_profiles_are_two_commands_whatever_their_number(world):
    statuses(world)
    scripts, values = calls("evalsha"), calls("mget")

    statuses(world)

    assert calls("evalsha") == scripts
    assert calls("mget") == values + 1


def test_one_that_is_missing_is_filled_and_the_others_are_not_asked_again(world, monkeypatch):
    statuses(world)
    redis.call(lambda r: r.delete(keys.profile(world.other.id)))
    asked = []
    original = User.profiles
    monkeypatch.setattr(User, "profiles", lambda ids: asked.append(list(ids)) or original(ids))

    statuses(world)
    statuses(world)

    assert asked == [[world.other.id]]


def test_a_change_shows_at_once(world):
    statuses(world)
    accounts.update_settings(world.other, status="new")
    assert statuses(world) == ["", "new"]


@pytest.mark.parametrize("age_ms", [0, fence.TRUSTED_MS + 1])
def test_a_writer_that_died_is_seen_beside_quiet_profiles(world, age_ms):
    """The cheap way must notice a write under way and look closer."""
    statuses(world)
    write = fence_writes.begin(keys.profile(world.other.id))
    User.objects(id=world.other.id).update_one(set__status="new")
    redis.call(lambda r: r.zincrby(f"w:{{{write.key}}}", -age_ms, write.writer))

    assert statuses(world)[1] == ("new" if age_ms else "")
