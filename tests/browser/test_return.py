"""Returning to a channel restores its position: by the sidebar, "back" or a reload."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import session_of
from tests.browser.person import Person


@pytest.fixture
def ann(site, meet):
    """Ann in a channel with this many messages, all read."""

    def make(count: int) -> Person:
        member = site.members["Ann"]
        channel = member.new_channel()
        for number in range(1, count + 1):
            member.say(channel, f"message {number:03}")
        person = meet("Ann", site.url, storage_state=session_of(member))
        return person.open(f"/channels/{channel['slug']}").online()

    return make


def top_of(row: Locator) -> float:
    return float(row.evaluate("row => row.getBoundingClientRect().top"))


def go_and_return(person: Person, way: str) -> None:
    path = person.channel_path
    if way == "reload":
        person.page.reload()
    else:
        person.page.click("[data-channel-link] >> text=general")
        person.page.wait_for_url("**/channels/general")
        person.online()
        if way == "back":
            person.page.go_back()
        else:
            person.page.click(f"#channel-links [href='{path}']")
        person.page.wait_for_url(f"**{path}")
    person.online()


@pytest.mark.parametrize("way", ["back", "sidebar", "reload"])
def test_the_same_rows_are_in_view_and_the_same_message_has_the_focus(ann, way):
    reader = ann(45)
    row = reader.row("message 020")
    row.evaluate("row => row.scrollIntoView({block: 'center'})")
    row.focus()
    before = top_of(row)
    go_and_return(reader, way)
    assert abs(top_of(row) - before) <= 1
    expect(row).to_be_focused()


def test_the_draft_and_its_caret_are_as_they_were(ann):
    writer = ann(3)
    writer.composer.press_sequentially("one three")
    for _ in "three":
        writer.page.keyboard.press("ArrowLeft")
    go_and_return(writer, "back")
    expect(writer.composer).to_be_focused()
    writer.page.keyboard.type("two ")
    expect(writer.composer).to_have_value("one two three")


def test_further_up_than_a_page_reaches_is_found_again(ann):
    reader = ann(130)
    while not reader.row("message 010").count():
        reader.page.locator("#scroller").evaluate("box => (box.scrollTop = 0)")
        reader.page.wait_for_timeout(100)
    row = reader.row("message 030")
    row.evaluate("row => row.scrollIntoView({block: 'center'})")
    before = top_of(row)
    go_and_return(reader, "sidebar")
    expect(row).to_be_in_viewport()
    assert abs(top_of(row) - before) <= 1


def test_whoever_was_at_the_end_comes_back_to_the_end(site, ann):
    reader = ann(45)
    path = reader.channel_path
    reader.page.click("[data-channel-link] >> text=general")
    reader.page.wait_for_url("**/channels/general")
    channel = next(
        view
        for view in site.members["Ann"].get("/api/channels").json()["channels"]
        if path.endswith(view["slug"])
    )
    site.members["Ann"].say(channel, "said meanwhile")
    reader.page.go_back()
    reader.online()
    expect(reader.row("said meanwhile")).to_be_in_viewport()
    expect(reader.composer).to_be_focused()
