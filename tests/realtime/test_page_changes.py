"""A person who goes from page to page stays online; one who leaves does not."""

from itertools import cycle
from time import monotonic, sleep

import pytest

from chat.presence.connections import GRACE
from tests.support.people import Person
from tests.support.processes import AppProcess
from tests.support.waiting import eventually

BROWSER = {"Sec-Fetch-Mode": "navigate"}
SCRIPT = {"Sec-Fetch-Mode": "cors"}
EVERY = 0.25


def browse(person, urls: list[str], seconds: float, headers=BROWSER) -> None:
    """Pages one after the other, none of which lives long enough to connect."""
    until, places = monotonic() + seconds, cycle(urls)
    while monotonic() < until:
        answer = person.at(next(places)).get("/channels", headers=headers)
        assert answer.status_code == 200
        sleep(EVERY)  # this is what is tested


def said_offline(watcher, person) -> bool:
    return any(person.id in data["offline"] for data in watcher.heard("presence"))


@pytest.fixture
def two_processes(launch_app) -> list[AppProcess]:
    """With production's lease: a page has its full time to connect, on a busy machine too."""
    one = launch_app()
    return [one, launch_app(beside=one)]


@pytest.mark.parametrize("processes", [1, 2])
def test_quick_changes_of_the_page_keep_a_person_online(two_processes, processes):
    one, two = two_processes
    alice = Person(one.url).set_up()
    bob = Person(two.url, "quick").register(alice.invite())
    watcher, tab = alice.tab(), bob.tab()
    watcher.sees_online(bob.id)
    browse(bob, [two.url], seconds=EVERY)  # a browser asks for the next page first
    tab.close()
    browse(bob, [two.url, one.url][:processes], seconds=3 * GRACE)
    assert not said_offline(watcher, bob)
    assert bob.id in alice.get("/api/users/online").json()["users"]
    tab = bob.tab()
    assert not said_offline(watcher, bob)
    tab.close()
    watcher.sees_offline(bob.id)
    alice.close()
    bob.close()


def test_who_asks_for_a_page_and_never_connects_is_offline_soon_after(alice, bob, beside):
    watcher, tab = alice.tab(), bob.tab()
    watcher.sees_online(bob.id)
    tab.close()
    browse(bob, [beside.url], seconds=EVERY)
    watcher.sees_offline(bob.id)
    eventually(lambda: bob.id not in alice.get("/api/users/online").json()["users"])


def test_a_page_without_a_script_brings_nobody_online(alice, bob, new_person, beside):
    watcher, tab = alice.tab(), new_person(at=beside).tab()
    browse(bob, [beside.url], seconds=EVERY)
    tab.close()
    eventually(lambda: watcher.heard("presence"))
    assert not any(bob.id in data["online"] for data in watcher.heard("presence"))
    assert bob.id not in alice.get("/api/users/online").json()["users"]


def test_what_a_script_fetches_keeps_nobody_online(alice, bob, beside):
    watcher, tab = alice.tab(), bob.tab()
    watcher.sees_online(bob.id)
    tab.close()
    browse(bob, [beside.url], seconds=3 * GRACE, headers=SCRIPT)
    watcher.sees_offline(bob.id)


def test_quick_changes_of_the_page_keep_a_person_online_without_redis_too(launch_app):
    app = launch_app(DISABLE_REDIS="true", REDIS_URL=None)
    alice = Person(app.url).set_up()
    bob = Person(app.url, "quick").register(alice.invite())
    watcher, tab = alice.tab(), bob.tab()
    watcher.sees_online(bob.id)
    browse(bob, [app.url], seconds=EVERY)
    tab.close()
    browse(bob, [app.url], seconds=3 * GRACE)
    assert not said_offline(watcher, bob)
    watcher.sees_offline(bob.id)  # and once nothing more is asked for
    alice.close()
    bob.close()
