"""Presence over two processes (with leases of six seconds instead of thirty)."""

from time import monotonic

import pytest

from chat.presence.connections import GRACE
from tests.support.servers import SHARED_APP
from tests.support.waiting import eventually


def test_coming_and_going_is_told_to_the_other_process(alice, bob):
    watcher = alice.tab()
    tab = bob.tab()
    watcher.sees_online(bob.id)
    tab.close()
    watcher.sees_offline(bob.id)


def test_the_newcomer_is_greeted_and_not_sent_the_whole_list(alice, bob):
    alice.tab()
    greeting = bob.tab().greeting()
    assert greeting["known"]
    assert alice.id not in greeting["online"]
    assert greeting["missed"]  # it named no number: the list is there for the asking
    assert alice.id in bob.get("/api/users/online").json()["users"]


def test_many_tabs_are_one_person(alice, bob, new_person, server):
    watcher, passer_by = alice.tab(), new_person()
    one, two, other = bob.tab(), bob.tab(server.url), passer_by.tab()
    watcher.sees_online(bob.id, passer_by.id)
    said = [data for data in watcher.heard("presence") if bob.id in data["online"]]
    assert len(said) == 1
    assert said[0]["names"][bob.id] == bob.nickname
    one.close()
    other.close()
    watcher.sees_offline(passer_by.id)  # so bob's first tab has had its time as well
    assert bob.id in watcher.online()
    assert two.connected


def test_reloading_a_page_is_not_going_offline(alice, bob, new_person, beside):
    watcher, passer_by = alice.tab(), new_person(at=beside)
    other = passer_by.tab()
    heard = reload_quickly(bob, watcher)
    other.close()
    watcher.sees_offline(passer_by.id)
    assert not [data for data in watcher.heard("presence")[heard:] if bob.id in data["offline"]]


def reload_quickly(person, watcher):
    """How much the watcher had heard before it. Who takes longer than the grace has been away."""
    tab = person.tab()
    for _ in range(5):
        heard, began = len(watcher.heard("presence")), monotonic()
        tab.close()
        tab = person.tab()
        if monotonic() - began < GRACE:
            return heard
        watcher.sees_online(person.id)
    pytest.fail("this machine is too slow for a reload")


@pytest.mark.needs_redis  # at 0 % nobody reads the set, and nobody writes it
def test_the_required_set_shows_who_is_online(alice, bob, valkey):
    tab = bob.tab()
    alice.tab()
    redis = valkey.client(SHARED_APP)
    eventually(lambda: {alice.id, bob.id} <= redis.smembers("cache:users:online"))
    assert 0 < redis.ttl("cache:users:online") <= 30
    online = alice.get("/api/users/online").json()["users"]
    assert {alice.id, bob.id} <= set(online)
    tab.close()
    eventually(lambda: bob.id not in redis.smembers("cache:users:online"))


def test_a_killed_process_takes_its_people_offline(alice, new_person, server, beside, launch_app):
    third = launch_app(beside=server, PRESENCE_LEASE="6")
    somebody, loner = new_person(at=third), new_person(at=third)
    watcher = alice.tab()
    lost = somebody.tab()
    somebody.tab(beside.url)  # a tab elsewhere keeps them online
    loner.tab()
    watcher.sees_online(somebody.id, loner.id)
    third.kill()
    watcher.sees_offline(loner.id)
    assert somebody.id in watcher.online()
    shown = alice.get("/api/users/online").json()["users"]
    assert loner.id not in shown
    assert somebody.id in shown
    lost.is_cut()
