"""Real browsers at a real server."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from chat.embedded.process import LOOPBACK
from tests.browser.person import LONG, PASSWORD, Person
from tests.browser.wire import Wire
from tests.support.people import Person as Member
from tests.support.processes import AppProcess, new_database
from tests.support.servers import BROWSERS

HERE = Path(__file__).resolve().parent
# The first is the same browser without windows: a page of it takes a quarter of the work.
CHROMIUMS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; CHROMIUM names another one."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
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


@pytest.fixture(scope="session")
def shared_wire(site) -> Wire:
    return Wire(site.server.port)


@pytest.fixture
def wire(shared_wire) -> Iterator[Wire]:
    """What Ann's browser is connected through; whole again after the test."""
    yield shared_wire
    shared_wire.mend()


@pytest.fixture
def two(site, meet, wire) -> tuple[Person, Person]:
    """Ann (whose wire can be cut) and Bob, live in an empty channel of their own."""
    ann = meet("Ann", wire.url, storage_state=session_of(site.members["Ann"]))
    bob = meet("Bob", site.url, storage_state=session_of(site.members["Bob"]))
    channel = site.members["Bob"].new_channel()
    assert site.members["Ann"].post(f"/api/channels/{channel['id']}/join").status_code == 204
    for person in (ann, bob):
        person.open(f"/channels/{channel['slug']}")
    return ann.online(), bob.online()


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
