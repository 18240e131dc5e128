"""The send key: Enter with a hardware keyboard, Ctrl+Enter or Command+Enter everywhere."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.person import Person

TABLET = {"has_touch": True, "is_mobile": True, "viewport": {"width": 820, "height": 1100}}
# A keyboard on the screen: its keys have no place. Says whether the page took the key for itself.
TAP = """([key, more]) => !document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, code: "", bubbles: true, cancelable: true, ...more }))"""


@pytest.fixture
def writer(site, meet):
    """Ann in a new channel: writer(**options)."""

    def make(**options: object) -> Person:
        member = site.members["Ann"]
        channel = member.new_channel()
        person = meet("Ann", site.url, storage_state=session_of(member), **options)
        return person.open(f"/channels/{channel['slug']}").online()

    return make


@pytest.mark.parametrize("options", [{}, TABLET], ids=["desk", "tablet"])
def test_with_a_keyboard_enter_sends_alone_and_with_ctrl_or_command(writer, options):
    ann = writer(**options)
    ann.composer.focus()
    for key in ("Enter", "Control+Enter", "Meta+Enter"):
        ann.page.keyboard.type(f"by {key}")
        ann.page.keyboard.press(key)
        ann.sees(f"by {key}")
    ann.page.keyboard.type("two")
    ann.page.keyboard.press("Shift+Enter")
    ann.page.keyboard.type("lines")
    expect(ann.composer).to_have_value("two\nlines")


def test_enter_of_a_keyboard_on_the_screen_starts_a_line(writer):
    ann = writer(**TABLET)
    ann.composer.fill("on the way")
    ann.page.evaluate(TAP, ["n", {}])
    assert not ann.page.evaluate(TAP, ["Enter", {}])
    expect(ann.rows).to_have_count(0)
    assert ann.page.evaluate(TAP, ["Enter", {"ctrlKey": True}])
    ann.sees("on the way")


def test_ctrl_enter_saves_an_edit_too(writer):
    ann = writer(**TABLET)
    ann.composer.fill("frist")
    ann.page.click("#composer button[type=submit]")
    ann.sees_stored("frist")
    ann.composer.focus()
    ann.page.keyboard.press("ArrowUp")
    ann.page.locator(".edit-form textarea").fill("first")
    ann.page.keyboard.press("Control+Enter")
    ann.sees("first")
