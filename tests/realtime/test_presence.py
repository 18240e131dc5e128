"""Who is online, over two processes (their lease is six seconds here, not thirty)."""

import time

from tests.realtime import stage
from tests.realtime.stage import until


def test_coming_and_going_is_told_to_the_other_process(alice, bob):
    watcher = alice.tab()
    tab = bob.tab()
    assert until(lambda: bob.id in watcher.online(), 3)
    tab.close()
    assert until(lambda: bob.id not in watcher.online(), 10)


def test_the_newcomer_is_greeted_with_who_is_online(alice, bob):
    alice.tab()
    tab = bob.tab()
    snapshot = next(data for data in tab.heard("presence") if data.get("snapshot"))
    assert alice.id in snapshot["online"]
    assert snapshot["offline"] == []
    assert snapshot["known"]


def test_many_tabs_are_one_person(alice, bob, site):
    watcher = alice.tab()
    one, two = bob.tab(), bob.tab(site.first.url)
    assert until(lambda: bob.id in watcher.online())
    said = [data for data in watcher.heard("presence") if bob.id in data["online"]]
    assert len([data for data in said if not data.get("snapshot")]) == 1
    one.close()
    time.sleep(8)  # longer than the lease and the reaper's pace
    assert bob.id in watcher.online()
    assert two.connected


def test_reloading_a_page_is_not_going_offline(alice, bob):
    watcher = alice.tab()
    bob.tab().close()
    bob.tab()
    time.sleep(5)
    assert not [data for data in watcher.heard("presence") if bob.id in data["offline"]]


def test_the_required_set_shows_who_is_online(alice, bob, site):
    tab = bob.tab()
    alice.tab()
    redis = site.redis.client()
    assert until(lambda: {alice.id, bob.id} <= redis.smembers("cache:users:online"))
    assert 0 < redis.ttl("cache:users:online") <= 30
    online = alice.api("GET", "/api/users/online").json()["users"]
    assert {alice.id, bob.id} <= set(online)
    tab.close()
    assert until(lambda: bob.id not in redis.smembers("cache:users:online"), 10)


def test_a_killed_process_takes_its_people_offline(alice, site):
    with stage.running(site.mongodb_uri, site.redis.url, PRESENCE_LEASE="6") as third:
        somebody = stage.register(third.url, site.invite)
        watcher = alice.tab()
        lost = somebody.tab()
        both = somebody.tab(site.second.url)  # a tab elsewhere keeps them online
        loner = stage.register(third.url, site.invite)
        loner.tab()
        assert until(lambda: {somebody.id, loner.id} <= watcher.online())
        third.kill()
        assert until(lambda: loner.id not in watcher.online(), 12)
        assert somebody.id in watcher.online()
        assert not lost.connected or until(lambda: not lost.connected)
        both.close()
