"""Whoever is in more channels than the sidebar lists still sees where something new is."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from chat.services.sidebar import LINKS
from tests.browser.conftest import session_of
from tests.browser.person import PASSWORD
from tests.support.people import Person as Member


@pytest.fixture
def hidden(site):
    """(somebody in many channels, Bob, a channel of both that the sidebar of the first omits)."""
    invite, bob = site.invite.rpartition("/")[2], site.members["Bob"]
    busy = Member(site.url, f"Busy-{uuid4().hex[:6]}", PASSWORD).register(invite)
    made = [bob.post("/api/channels", {"name": f"zz {n:03}"}).json() for n in range(LINKS + 5)]
    for channel in made:
        assert busy.post(f"/api/channels/{channel['id']}/join").status_code == 204
    yield busy, bob, made[-1]
    busy.close()


def test_something_new_brings_its_channel_into_the_sidebar(site, meet, hidden):
    busy, bob, channel = hidden
    reader = meet(busy.nickname, site.url, storage_state=session_of(busy))
    reader.open("/settings").online()
    links = reader.page.locator("#channel-links [data-channel-link]")
    link = reader.page.locator(f"[data-channel-link='{channel['id']}']")
    expect(links).to_have_count(LINKS)
    expect(link).to_have_count(0)
    expect(reader.page.locator("#channel-links .side-empty a")).to_have_text("All channels")

    bob.say(channel, "look here")

    expect(link).to_be_visible()
    expect(link.locator(".unread-count")).to_have_text("1")
    reader.page.locator("#channel-links .side-empty a").click()
    expect(reader.page.get_by_role("searchbox", name="Find by name")).to_be_visible()
    reader.page.get_by_role("searchbox").fill("zz 003")
    reader.page.get_by_role("searchbox").press("Enter")
    expect(reader.page.locator(".list-title a")).to_have_text(["zz 003"])
