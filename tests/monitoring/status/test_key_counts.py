"""The number of keys of each part: exact if there are few, else a good estimate."""

import pytest

from chat.monitoring.status import key_counts
from chat.rollout import FEATURES


@pytest.fixture
def keys(own_redis):
    """Fills a Redis of its own."""
    client = own_redis.client()

    def put(prefix, number):
        pipe = client.pipeline(transaction=False)
        for n in range(number):
            pipe.set(f"{prefix}{str(n).zfill(43 if prefix.endswith('session:') else 24)}", "x")
        pipe.execute()

    client.put = put
    return client


def test_few_keys_are_counted_each_for_its_part(keys):
    for prefix, number in {"session:": 7, "cache:users:profile:": 3, "v:{session:": 9, "other:": 4,
                           "cache:users:marks:": 2, "cache:other:": 3}.items():  # fmt: skip
        keys.put(prefix, number)
    keys.set("cache:users:list", "x")
    keys.set("cache:emoji:classics", "x")
    expected = {"sessions": 7, "users": 4, "channel_users": 2, "emoji": 1}
    assert key_counts.take(keys) == {
        name: {"keys": expected.get(name, 0), "about": False} for name in FEATURES
    }


def test_of_many_keys_a_part_is_looked_at_and_the_rest_is_estimated(keys):
    keys.put("session:", 30_000)
    keys.put("cache:messages:recent:", 10_000)
    keys.set("cache:emoji:classics", "x")
    keys.config_resetstat()
    counted = key_counts.take(keys)
    assert keys.info("commandstats")["cmdstat_scan"]["calls"] == key_counts.STEPS
    assert "cmdstat_keys" not in keys.info("commandstats")
    assert counted["sessions"]["keys"] == pytest.approx(30_000, rel=0.1)
    assert counted["messages"]["keys"] == pytest.approx(10_000, rel=0.1)
    assert counted["sessions"]["about"]
    assert counted["emoji"] == {"keys": 1, "about": False}


def test_who_may_not_walk_through_the_keys_learns_nothing_and_goes_on(keys):
    keys.execute_command("ACL", "SETUSER", "default", "-scan")
    assert key_counts.take(keys) == {}
