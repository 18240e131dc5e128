"""DISABLE_REDIS in one of two processes, or in both (R20)."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.faults.test_partial_outage import LIFETIMES
from tests.support.people import Person
from tests.support.processes import Launcher
from tests.support.waiting import eventually

OFF = {"DISABLE_REDIS": "true", "REDIS_URL": None}


def knows_all(person: Person) -> bool:
    """What a new tab is told: whether others than those it hears of may be online."""
    tab = person.tab().greeted()
    tab.close()
    return bool(tab.greeting()["known"])


@pytest.fixture
def both(launch_app: Launcher) -> Iterator[SimpleNamespace]:
    """An owner at ``here``, which uses Redis, and what makes a process beside it that does not."""
    here = launch_app(**LIFETIMES)
    owner = Person(here.url).set_up()
    channel = owner.get("/api/channels").json()["channels"][0]
    history = f"/api/channels/{channel['id']}/messages"
    people = [owner]

    def beside() -> SimpleNamespace:
        process = launch_app(beside=here, **OFF, **LIFETIMES)
        people.append(owner.at(process.url))
        people[-1].get("/settings")
        return SimpleNamespace(process=process, owner=people[-1])

    yield SimpleNamespace(
        owner=owner,
        channel=channel,
        beside=beside,
        is_warm=lambda: owner.get(history).headers["X-Cache"] == "hit",
        texts=lambda: [message["text"] for message in owner.get(history).json()["messages"]],
    )
    for person in people:
        person.close()


def test_what_a_process_without_redis_writes_is_seen_at_once_by_one_that_has_it(both) -> None:
    first = both.owner.say(both.channel, "first")
    leaving = both.owner.again()
    eventually(both.is_warm)
    tab = both.owner.tab()

    off = both.beside()
    eventually(lambda: not both.is_warm())
    eventually(lambda: {"mode": "degraded", "resync": False} in tab.heard("system"))
    eventually(lambda: not knows_all(off.owner))
    for number in range(5):
        assert off.owner.patch(f"/api/messages/{first['id']}", {"text": f"edit {number}"}).ok
        assert both.texts()[-1] == f"edit {number}"
    left = leaving.at(off.process.url)
    left.logout()
    assert leaving.get("/api/me").status_code == 401
    assert both.owner.get("/api/me").ok

    # It is killed, so it cannot put right what it left behind in Redis.
    off.process.kill()
    eventually(both.is_warm)
    assert leaving.get("/api/me").status_code == 401
    assert both.texts()[-1] == "edit 4"
    eventually(lambda: tab.heard("system")[-1]["mode"] == "normal")
    for person in (leaving, left):
        person.close()


def test_of_two_processes_without_redis_each_knows_that_it_does_not_hear_all(launch_app) -> None:
    one = launch_app(**OFF)
    owner = Person(one.url).set_up()
    alone = owner.tab()
    assert knows_all(owner)

    other = launch_app(beside=one, **OFF)
    eventually(lambda: {"mode": "degraded", "resync": False} in alone.heard("system"))
    there = owner.at(other.url)
    there.get("/settings")
    assert not knows_all(there)
    message = there.say(there.get("/api/channels").json()["channels"][0], "from the other one")
    asked = alone.ask("channel:open", channel=message["channel"], after=0)
    assert "from the other one" in [row["message"]["text"] for row in asked["messages"]]

    other.stop()
    eventually(lambda: alone.heard("system")[-1]["mode"] == "normal")
    assert knows_all(owner)
    for person in (owner, there):
        person.close()
