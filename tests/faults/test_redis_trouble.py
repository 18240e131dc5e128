"""Redis holds garbage, is down or hangs: every answer is right and comes soon."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from chat.cache import isolation
from chat.redis_schema.keys import HELPERS, STRUCTURES
from tests.faults.garbage import DECLARED
from tests.faults.whole_chat import BROKEN, Chat
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.tabs import bare_line
from tests.support.waiting import eventually

PEOPLE, TABS_EACH = 10, 20  # as many as one person may have open at one process
GONE = "Redis is down, going on without it: "
PROBE = "cache:probe"  # there only while a recovery lasts


@pytest.fixture
def chat(launch_app: Launcher) -> Iterator[Chat]:
    made = Chat(launch_app)
    made.do_everything("hello")
    eventually(made.is_warm)
    yield made
    made.close()


def survives(chat: Chat, patterns: list[str]) -> None:
    """Plant, ask, do, plant again, do, ask; in the end Redis is in use and the poison is gone."""
    right = chat.answers()
    chat.plant(patterns)
    assert chat.answers() == right
    eventually(chat.is_warm)
    planted = chat.plant(patterns)
    chat.do_everything()
    # What nobody has asked for since is harmless, and goes when somebody stumbles. So it is with
    # who is online, as long as a process has a copy.
    eventually(chat.is_warm)
    eventually(lambda: chat.is_warm() and not left(chat, planted))
    before = chat.answers()
    chat.do_everything()
    assert chat.answers().keys() == before.keys()
    log = chat.app.log.read_text(encoding="utf-8")
    assert "Traceback" not in log


def left(chat: Chat, planted: dict[str, str]) -> list[str]:
    """What still has another type than the declared one, and is asked for."""
    unasked = ("ended:", "f:", "limit:", "v:", "a:", "w:{cache:users:online}")
    names = [name for name in planted if not name.startswith(unasked)]
    return [name for name in names if chat.client.type(name) not in (planted[name], "none")]


HELD = [s.name for s in STRUCTURES]
GROUPS = {"held": HELD, "beside it": sorted(set(HELPERS) - {PROBE})}


@pytest.mark.parametrize("group", GROUPS)
def test_keys_of_another_type_change_no_answer(chat: Chat, group: str):
    survives(chat, GROUPS[group])


# Not the leases of connections, which only a recovery counts again, nor our mark.
MENDED = [*HELD, "v:{cache:users:online}", "v:{*}", "w:{*}", "a:{cache:users:list}"]
MENDED += ["ended:{session:*}", "limit:*", "{presence}:log", "{presence}:seq"]


def test_a_key_of_another_type_that_can_be_had_back_is_no_outage(chat: Chat):
    right = chat.answers()
    chat.plant(MENDED)
    assert chat.answers() == right
    eventually(chat.is_warm)
    chat.plant(MENDED)
    chat.do_everything()
    chat.plant(MENDED)
    chat.bob.again().tab().close()  # somebody comes and goes
    eventually(chat.is_warm)
    assert "of another type in Redis, deleted: " in chat.app.log.read_text(encoding="utf-8")
    assert not outages(chat.app)


def test_after_our_mark_was_overwritten_all_keys_are_checked(chat: Chat):
    for key in ("{presence}:count", "chat:mark"):
        chat.client.hset(key, mapping={"epoch": "another", "nobody": "3"})
    log = chat.app.log
    eventually(lambda: "Redis is back" in log.read_text(encoding="utf-8"))
    assert set(chat.client.hkeys("{presence}:count")) == {chat.alice.id, chat.bob.id}
    chat.answers()
    eventually(chat.is_warm)
    assert len(outages(chat.app)) == 1


def test_nobody_is_shown_as_offline_when_redis_is_used_again(chat: Chat):
    def online() -> set[str]:
        return set(chat.alice.get("/api/users/online").json()["users"])

    everybody = {chat.alice.id, chat.bob.id}
    for _ in range(4):
        chat.plant(["{presence}:conns", "{presence}:count", "cache:users:online"])
        assert online() == everybody
        while chat.status() != "up":
            assert online() == everybody
        for _ in range(40):  # until the leases would have been renewed anyhow
            assert online() == everybody


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(DECLARED) - {PROBE}))
def test_one_key_of_another_type_changes_no_answer(chat: Chat, name: str):
    survives(chat, [name])


def test_values_that_cannot_be_read_change_no_answer(chat: Chat):
    chat.alice.say(chat.room, "🎉")
    eventually(lambda: chat.used_emoji() == 1)  # counted now and then, not at once
    right = chat.answers()
    assert chat.spoil() > 10
    assert chat.answers() == right
    eventually(chat.is_warm)
    assert chat.status() == "up"
    chat.spoil()
    chat.do_everything()
    assert chat.status() == "up"


def test_numbers_that_cannot_be_counted_on_are_replaced(chat: Chat):
    right = chat.answers()
    for number in (BROKEN, str(2**63 - 1)):  # none, and one without a next
        chat.plant_number(number)
        assert chat.answers() == right
        chat.bob.again().tab().close()  # somebody comes and goes, by those numbers
        eventually(lambda number=number: number not in chat.numbers())
        eventually(lambda: chat.status() == "up")
        assert chat.answers() == right
    chat.do_everything()
    assert "Traceback" not in chat.app.log.read_text(encoding="utf-8")


def test_two_hundred_tabs_come_back_at_once_after_a_restart(launch_app: Launcher):
    app = launch_app(PRESENCE_LEASE="3")
    owner = Person(app.url, "owner").set_up()
    code = owner.invite()
    people = [owner, *(Person(app.url).register(code) for _ in range(PEOPLE - 1))]
    channel = owner.get("/api/channels").json()["channels"][0]
    app.restart()

    with ThreadPoolExecutor(50) as pool:
        lines = list(pool.map(let_in, people * TABS_EACH))
    assert len(lines) == PEOPLE * TABS_EACH
    everybody = {person.id for person in people}
    eventually(lambda: set(owner.get("/api/users/online").json()["users"]) == everybody)
    owner.say(channel, "welcome back")
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(lambda line: hears(line, "welcome back"), lines))
    assert "Traceback" not in app.log.read_text(encoding="utf-8")
    for line in lines:
        line.close()


def let_in(person: Person) -> Any:
    """A socket as a browser opens it; a failure if it is refused."""
    line = bare_line(person.url, person.cookie)
    line.send(f"40{json.dumps({'csrf': person.csrf})}")
    while not (answer := line.recv()).startswith("40"):  # others may be announced before
        assert not answer.startswith("44"), answer
    return line


def hears(line: Any, text: str) -> bool:
    """Waits for a message with this text, and answers the server's pings meanwhile."""
    while text not in (said := line.recv()):
        if said == "2":
            line.send("3")
    return True


@pytest.fixture
def two(launch_app: Launcher) -> Iterator[tuple[Chat, AppProcess]]:
    """The chat, and another process of it."""
    made = Chat(launch_app)
    yield made, launch_app(beside=made.app, PRESENCE_LEASE="3")
    made.close()


def test_without_redis_who_is_online_is_unknown_and_typing_is_no_error(two):
    chat, beside = two
    there = chat.bob.tab(beside.url)
    carol = Person(chat.app.url, "carol").register(chat.alice.invite())  # nowhere online
    assert carol.post(f"/api/channels/{chat.room['id']}/join").ok
    eventually(lambda: shown(chat, carol) == "offline")
    chat.redis.kill()
    eventually(lambda: chat.status() == "down")
    eventually(lambda: requests.get(f"{beside.url}/health/redis", timeout=10).status_code == 503)

    tab = chat.alice.tab()
    assert not tab.greeting()["known"]
    assert shown(chat, carol) == "unknown"
    assert tab.ask("typing", channel=chat.room["id"])["ok"]
    assert there.ask("typing", channel=chat.room["id"])["ok"]
    eventually(lambda: chat.tabs[1].heard("typing"))  # those at the same process are told

    chat.redis.restart()
    eventually(lambda: chat.alice.tab().greeting()["known"])
    eventually(lambda: shown(chat, carol) == "offline")
    # By now both have found out that nobody else is without it.
    eventually(lambda: all(is_hit(chat, app) for app in (chat.app, beside)))
    for app in (chat.app, beside):
        said = said_of_redis(app)
        (gone,) = outages(app)
        assert f"{GONE}ConnectionError: " in gone
        assert re.search(r"Redis is back after \d+\.\d s", said[-1])
        assert len(said) == 2 * sum(GONE in line for line in said), said  # each once, and its end


def is_hit(chat: Chat, app: AppProcess) -> bool:
    answer = chat.alice.session.get(app.url + chat.paths()[0])
    return answer.headers["X-Cache"] == "hit"


def said_of_redis(app: AppProcess) -> list[str]:
    """The lines of its log. An alert has lines of its own, and so has what others are cut off."""
    lines = app.log.read_text(encoding="utf-8").splitlines()
    others = ("Alert", isolation.THERE_ARE, isolation.THERE_ARE_NONE)
    return [line for line in lines if "Redis" in line and not any(each in line for each in others)]


def outages(app: AppProcess) -> list[str]:
    """How it lost Redis, by its log. On a busy machine an answer may come too late besides."""
    return [line for line in said_of_redis(app) if GONE in line and "Timeout" not in line]


def shown(chat: Chat, person: Person) -> str:
    """What a page says of whether somebody is online."""
    page = chat.alice.get(f"/channels/{chat.room['slug']}").text
    return re.findall(f'data-presence="{person.id}" data-state="([a-z]*)"', page)[-1]


def test_a_hung_redis_keeps_no_acknowledgement_waiting_nor_what_others_here_are_told(two):
    chat, _ = two
    here, other = chat.tabs
    with chat.redis.hung():  # it goes on only after everything below has been answered
        for number in range(20):
            assert here.post(chat.room["id"], f"meanwhile {number}")["ok"]
            other.hears(f"meanwhile {number}")
        assert chat.status() == "down"
        sent = chat.alice.say(chat.room, "by HTTP")
    eventually(lambda: chat.status() == "up")
    history = chat.bob.get(f"/api/channels/{chat.room['id']}/messages").json()["messages"]
    assert history[-1]["id"] == sent["id"]
