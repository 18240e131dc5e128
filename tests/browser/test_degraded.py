"""Open pages while the processes cannot reach each other show nothing false and nothing late."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import session_of
from tests.browser.person import PASSWORD
from tests.browser.person import Person as Reader
from tests.browser.test_catchup import MARK, same_page
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.servers import Redis
from tests.support.tabs import Tab
from tests.support.waiting import eventually

# Whoever is shown in the sidebar is online; of the others nobody knows.
NOT_ALL = "Others may be online too"
# Every state that the page gives to anybody's dot from now on.
WATCH = """() => {
  window.painted = [];
  const note = ({ dataset: { presence, state } }) => window.painted.push([presence, state]);
  new MutationObserver((changes) => changes.forEach(({ target }) => note(target)))
    .observe(document.body, { subtree: true, attributeFilter: ["data-state"] });
}"""


@dataclass
class Two:
    """Two processes on one Redis, and people who have an account."""

    here: AppProcess
    there: AppProcess
    redis: Redis
    people: dict[str, Person] = field(default_factory=dict)

    def id(self, name: str) -> str:
        return self.people[name].id

    def tab(self, name: str, at: AppProcess) -> Tab:
        return self.people[name].tab(at.url)

    def lose_redis(self) -> None:
        """It comes back without anything that it held."""
        self.redis.kill()
        shutil.rmtree(self.redis.data)
        self.redis.data.mkdir()


@pytest.fixture(scope="module")
def pair(tmp_path_factory, mongod) -> Iterator[Two]:
    launch = Launcher(tmp_path_factory.mktemp("degraded"), mongod.uri)
    here = launch(PRESENCE_LEASE="6")
    made = Two(here, launch(beside=here, PRESENCE_LEASE="6"), launch.redis[0])
    made.people["Vera"] = Person(here.url, "Vera", PASSWORD).set_up()
    invite = made.people["Vera"].invite()
    for name in ("Ann", "Bob", "Carl", "Dora", "Emil"):
        made.people[name] = Person(here.url, name, PASSWORD).register(invite)
    yield made
    for person in made.people.values():
        person.close()
    launch.close()


@dataclass
class Page:
    """Ann's page at one process, in a channel of everybody."""

    reader: Reader
    two: Two
    channel: dict[str, Any]

    def shows(self, name: str, state: str) -> None:
        dot = self.reader.page.locator(f'#members [data-presence="{self.two.id(name)}"]')
        expect(dot).to_have_attribute("data-state", state)

    def painted(self, name: str) -> set[str]:
        """What their dots have been since they are watched."""
        painted = self.reader.page.evaluate("window.painted")
        return {state for who, state in painted if who == self.two.id(name)}

    def in_sidebar(self, name: str) -> Locator:
        return self.reader.page.locator(f'#online-people [data-person="{self.two.id(name)}"]')

    def is_told(self, mode: str) -> None:
        """The line at the top says it at the same moment as everybody else hears it."""
        line = self.reader.page.locator("#connection")
        expect(line).to_have_attribute("data-state", mode)


@pytest.fixture
def opened(pair, meet) -> Callable[[], Page]:
    def open_page() -> Page:
        channel = pair.people["Vera"].new_channel()
        for name in ("Ann", "Bob", "Carl", "Dora", "Emil"):
            joined = pair.people[name].post(f"/api/channels/{channel['id']}/join")
            assert joined.status_code == 204
        ann = meet("Ann", pair.here.url, storage_state=session_of(pair.people["Ann"]))
        ann.open(f"/channels/{channel['slug']}").online().page.evaluate(MARK)
        return Page(ann, pair, channel)

    return open_page


def test_without_redis_nobody_is_shown_as_something_that_this_process_cannot_know(pair, opened):
    page = opened()
    page.shows("Emil", "offline")
    bob, carls = pair.tab("Bob", pair.there), pair.tab("Carl", pair.there)
    carl, dora = pair.tab("Carl", pair.here), pair.tab("Dora", pair.here)
    for name in ("Bob", "Carl", "Dora"):
        page.shows(name, "online")
    page.reader.page.evaluate(WATCH)

    pair.lose_redis()
    for name in ("Bob", "Emil"):
        page.shows(name, "unknown")
    expect(page.in_sidebar("Bob")).to_have_count(0)
    expect(page.reader.page.locator("#online-people")).to_contain_text(NOT_ALL)
    fresh = pair.people["Ann"].get(f"/channels/{page.channel['slug']}").text
    assert NOT_ALL in fresh[fresh.index('id="online-people"') :].split("</ul>")[0]
    bob.close()
    # Who is here is online, also who comes now; who leaves may still be somewhere else.
    for name in ("Carl", "Dora"):
        page.shows(name, "online")
        expect(page.in_sidebar(name)).to_have_count(1)
    emil = pair.tab("Emil", pair.here)
    page.shows("Emil", "online")
    carl.close()
    dora.close()
    for name in ("Carl", "Dora"):
        page.shows(name, "unknown")
    assert page.painted("Bob") == {"unknown"}
    assert "offline" not in page.painted("Carl") | page.painted("Dora") | page.painted("Emil")

    pair.redis.restart()
    for name, state in (("Bob", "offline"), ("Dora", "offline"), ("Carl", "online")):
        page.shows(name, state)
    expect(page.in_sidebar("Carl")).to_have_count(1)
    expect(page.reader.page.locator("#online-people")).not_to_contain_text(NOT_ALL)
    page.shows("Emil", "online")
    # One process was back before the other: he was not called offline meanwhile.
    assert "offline" not in page.painted("Carl")
    assert "online" not in page.painted("Bob")
    assert same_page(page.reader)
    for tab in (carls, emil):
        tab.close()


def test_what_is_said_at_another_process_is_shown_without_redis_and_without_a_reload(pair, opened):
    bob, vera = (pair.people[name].again(pair.there.url) for name in ("Bob", "Vera"))
    other = vera.new_channel()
    assert pair.people["Ann"].post(f"/api/channels/{other['id']}/join").status_code == 204
    page = opened()
    ann = page.reader
    unread = ann.page.locator(f'[data-channel-link="{other["id"]}"]')
    expect(unread).to_have_attribute("data-unread", "0")

    pair.lose_redis()
    page.is_told("reduced")
    vera.say(other, "said in the other channel")
    said = bob.say(page.channel, "said at the other process")
    ann.sees("said at the other process")
    assert bob.patch(f"/api/messages/{said['id']}", {"text": "and put right there"}).ok
    ann.sees("and put right there")
    bob.say(page.channel, "and one thing more")
    ann.sees("and one thing more")
    # The counts of the other channels follow, too.
    expect(unread).to_have_attribute("data-unread", "1")
    vera.say(other, "said before Redis was back")

    pair.redis.restart()
    page.is_told("online")
    expect(unread).to_have_attribute("data-unread", "2")
    # What is said from now on is pushed.
    numbers = iter(range(1000))
    tab = pair.tab("Ann", pair.here)
    eventually(
        lambda: bob.say(page.channel, f"together {next(numbers)}") and tab.texts(), every=0.5
    )
    ann.sees(tab.texts()[-1])
    assert same_page(ann)
    for person in (bob, vera):
        person.close()
