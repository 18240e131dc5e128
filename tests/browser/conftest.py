"""Fixtures: real browsers and a real server."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from chat.embedded.process import LOOPBACK
from tests.browser.person import LONG, PASSWORD, Person
from tests.browser.wire import Wire
from tests.support.people import Person as Member
from tests.support.processes import AppProcess, new_database
from tests.support.servers import BROWSERS
from tests.support.tabs import Tab

HERE = Path(__file__).resolve().parent
# The first is the same browser without windows: a page of it takes a quarter of the work.
CHROMIUMS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


def found_chromium() -> str | None:
    """The system's Chromium; CHROMIUM names another one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = found_chromium()
    if not found:
        pytest.fail("No Chromium: install chromium-headless-shell, or set CHROMIUM to its path.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def meet(browser) -> Iterator[Callable[..., Person]]:
    """Makes people, each in a browser of their own: meet("Ann", url, **context options)."""
    contexts: list[BrowserContext] = []

    def make(nickname: str, url: str, **options: object) -> Person:
        options = {"locale": "en-GB", "timezone_id": "Europe/Berlin", **options}
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(LONG)
        return Person(contexts[-1], url, nickname)

    yield make
    for context in contexts:
        for page in context.pages:  # an answer that is still being held back matters to nobody
            page.unroute_all(behavior="ignoreErrors")
        context.close()


@dataclass
class Site:
    """A server that is set up: an owner, a first channel, an invite, and who is known here."""

    server: AppProcess
    owner: str = "Vera"
    invite: str = ""
    channel_path: str = ""
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="session")
def site(tmp_path_factory, mongod, valkey) -> Iterator[Site]:
    """Shared by the tests, which keep apart by talking in channels of their own."""
    server = AppProcess(
        tmp_path_factory.mktemp("site"),
        MONGODB_URI=new_database(mongod.uri),
        REDIS_URL=valkey.url_of(BROWSERS),
    )
    server.prepare().start()
    made = Site(server)
    owner = Member(server.url, made.owner, PASSWORD).set_up("Observatory")
    invite = owner.invite()
    made.invite = f"{server.url}/join/{invite}"
    made.channel_path = f"/channels/{owner.get('/api/channels').json()['channels'][0]['slug']}"
    made.members[made.owner] = owner
    for nickname in ("Ann", "Bob"):
        made.members[nickname] = Member(server.url, nickname, PASSWORD).register(invite)
    yield made
    server.kill()


def session_of(member: Member) -> dict:
    """The session of somebody who came in without a browser, for one."""
    cookies = [
        {"name": cookie.name, "value": cookie.value, "domain": LOOPBACK, "path": "/"}
        for cookie in member.session.cookies
    ]
    return {"cookies": cookies, "origins": []}


@pytest.fixture
def owner(site, meet) -> Person:
    """The owner's browser, with no page open yet."""
    return meet(site.owner, site.url, storage_state=session_of(site.members[site.owner]))


@pytest.fixture(scope="session")
def shared_wire(site) -> Wire:
    return Wire(site.server.port)


@pytest.fixture
def wire(shared_wire) -> Iterator[Wire]:
    """What Ann's browser is connected through; whole again after the test."""
    yield shared_wire
    shared_wire.mend()


@dataclass
class Room:
    """A channel of Ann and Bob, and what they say there without a page: a page costs a second."""

    channel: dict[str, Any]
    members: dict[str, Member]

    @property
    def path(self) -> str:
        return f"/channels/{self.channel['slug']}"

    def ann_says(self, *texts: str) -> None:
        self._says("Ann", texts)

    def bob_says(self, *texts: str) -> None:
        self._says("Bob", texts)

    def _says(self, name: str, texts: tuple[str, ...]) -> None:
        for text in texts:
            self.members[name].say(self.channel, text)

    def stored(self) -> list[str]:
        """The texts that the server has, as Bob is given them."""
        path = f"/api/channels/{self.channel['id']}/messages?limit=100"
        return [message["text"] for message in self.members["Bob"].get(path).json()["messages"]]


@pytest.fixture
def room(site) -> Room:
    """An empty channel of Ann and Bob."""
    channel = site.members["Bob"].new_channel()
    assert site.members["Ann"].post(f"/api/channels/{channel['id']}/join").status_code == 204
    return Room(channel, site.members)


@pytest.fixture
def ann(site, meet, wire, room) -> Person:
    """Ann's browser (whose wire can be cut), live in the room."""
    ann = meet("Ann", wire.url, storage_state=session_of(site.members["Ann"]))
    return ann.open(room.path).online()


@pytest.fixture
def bob(site, meet, room) -> Person:
    """Bob's browser, live in the room: for a test that looks at what Bob sees."""
    bob = meet("Bob", site.url, storage_state=session_of(site.members["Bob"]))
    return bob.open(room.path).online()


@pytest.fixture
def two(ann, bob) -> tuple[Person, Person]:
    """Both of them."""
    return ann, bob


@pytest.fixture
def bobs_line(site, room) -> Iterator[Tab]:
    """What is pushed to Bob, who has no page open. A test that stands between a page and the server
    (frames.py) waits for the page first: while it waits for this nothing goes through there."""
    tab = site.members["Bob"].tab()
    yield tab
    tab.close()


@pytest.fixture
def pages(site) -> SimpleNamespace:
    """Every page there is."""
    channel = site.channel_path
    live = [channel, "/channels", f"{channel}/settings", "/dm", "/dm/Ann", "/settings"]
    live += ["/admin", "/admin/status"]
    return SimpleNamespace(
        public=["/login", site.invite.removeprefix(site.url), "/register", "/join/no-such-invite"],
        live=live,  # with a sidebar and a connection
        signed_in=[*live, "/channels/no-such-channel"],
    )
