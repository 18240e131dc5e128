"""In a narrow window the menu button shows the unread count of other channels."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.test_accessibility import serious


@pytest.fixture
def ann(site, meet):
    """Ann with a phone."""
    viewport = {"width": 360, "height": 780}
    return meet("Ann", site.url, storage_state=session_of(site.members["Ann"]), viewport=viewport)


def channel_of_both(site) -> dict:
    channel = site.members["Bob"].new_channel()
    assert site.members["Ann"].post(f"/api/channels/{channel['id']}/join").status_code == 204
    return channel


def read_all(member) -> None:
    for channel in member.get("/api/channels").json()["channels"]:
        if channel["unread"]:
            seen = {"seq": channel["last_seq"]}
            assert member.post(f"/api/channels/{channel['id']}/read", seen).status_code == 204


@pytest.mark.parametrize("place", ["channel", "/settings"])
def test_what_comes_elsewhere_is_counted_on_the_menu_button_and_goes_when_read(site, ann, place):
    read_all(site.members["Ann"])
    here, there = channel_of_both(site), channel_of_both(site)
    ann.open(f"/channels/{here['slug']}" if place == "channel" else place).online()
    button = ann.page.locator("[data-opens=sidebar]")
    badge = button.locator(".unread")
    expect(badge).to_be_hidden()
    expect(button).to_have_accessible_name("Channels")
    site.members["Bob"].say(there, "one")
    message = site.members["Bob"].say(there, "two")
    expect(badge).to_be_visible()
    expect(button).to_have_accessible_name("Channels 2 unread")
    assert serious(ann.page) == []
    ann.page.reload()  # the page comes with the count
    expect(button).to_have_accessible_name("Channels 2 unread")
    ann.online()
    seen = {"seq": message["seq"]}
    assert site.members["Ann"].post(f"/api/channels/{there['id']}/read", seen).status_code == 204
    expect(badge).to_be_hidden()
    expect(button).to_have_accessible_name("Channels")


def test_what_is_unread_in_the_open_channel_is_not_elsewhere(site, ann):
    read_all(site.members["Ann"])
    here = channel_of_both(site)
    ann.open(f"/channels/{here['slug']}").online()
    # Nobody looks: what comes stays unread.
    ann.page.evaluate("document.hasFocus = () => false")
    site.members["Bob"].say(here, "in front of you")
    link = ann.page.locator(f"[data-channel-link='{here['id']}']")
    expect(link).to_have_attribute("data-unread", "1")
    expect(ann.page.locator("[data-opens=sidebar] .unread")).to_be_hidden()
