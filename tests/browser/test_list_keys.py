"""The list of messages by keyboard: one Tab stop, arrow keys, and letters for actions."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Room
from tests.browser.person import Person

IN_LIST = "document.activeElement.closest('#messages') !== null"
# The same key on another layout: its place stays, its letter does not.
# Answers of the server wait until they are let in; pushes do not.
HOLD_ANSWERS = """() => {
  const real = window.fetch;
  window.held = new Promise((letIn) => { window.letIn = letIn; });
  window.fetch = async (...asked) => {
    const answer = await real(...asked);
    await window.held;
    return answer;
  };
}"""
# Resolves after what waited for the answers has run.
LET_IN = "async () => { window.letIn(); await new Promise((done) => setTimeout(done)); }"
PRESS = """([code, key]) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { code, key, bubbles: true, cancelable: true }))"""


@pytest.fixture
def room(room: Room) -> Room:
    """A talk with links, code and messages of Ann's own."""
    room.bob_says("see [the notes](https://example.org) and [more](https://example.org/2)")
    room.bob_says("```\ncode\n```")
    room.ann_says("own one", "own two", "own three")
    return room


@pytest.fixture
def ann(ann: Person) -> Person:
    """Ann below that talk."""
    ann.sees_stored("own three")
    ann.composer.focus()
    return ann


def test_the_list_is_one_stop_between_the_composer_and_what_is_above(ann):
    keyboard = ann.page.keyboard
    keyboard.press("Shift+Tab")
    expect(ann.row("own three")).to_be_focused()
    keyboard.press("Shift+Tab")
    assert not ann.page.evaluate(IN_LIST)
    assert ann.page.evaluate("document.activeElement.closest('.channel-header') !== null")
    keyboard.press("Tab")
    expect(ann.row("own three")).to_be_focused()


def test_arrows_home_and_end_go_through_the_messages(ann):
    keyboard = ann.page.keyboard
    keyboard.press("Shift+Tab")
    keyboard.press("ArrowUp")
    expect(ann.row("own two")).to_be_focused()
    keyboard.press("Home")
    expect(ann.rows.first).to_be_focused()
    keyboard.press("ArrowUp")
    expect(ann.rows.first).to_be_focused()
    keyboard.press("ArrowDown")
    expect(ann.rows.nth(1)).to_be_focused()
    keyboard.press("End")
    expect(ann.rows.last).to_be_focused()
    keyboard.press("Escape")
    expect(ann.composer).to_be_focused()
    keyboard.press("Shift+Tab")
    expect(ann.rows.last).to_be_focused()


def test_enter_leads_to_the_actions_and_tab_to_links_of_the_message(ann):
    keyboard = ann.page.keyboard
    keyboard.press("Shift+Tab")
    keyboard.press("Home")
    keyboard.press("Tab")
    expect(ann.rows.first.locator(".message-author")).to_be_focused()
    keyboard.press("ArrowRight")
    expect(ann.rows.first.get_by_text("the notes")).to_be_focused()
    keyboard.press("Escape")
    expect(ann.rows.first).to_be_focused()
    keyboard.press("End")
    keyboard.press("Enter")
    expect(ann.rows.last.locator("[data-action=copy-link]")).to_be_focused()
    keyboard.press("ArrowRight")
    expect(ann.rows.last.locator("[data-action=edit]")).to_be_focused()
    keyboard.press("Enter")
    expect(ann.page.locator(".edit-form textarea")).to_have_value("own three")


@pytest.mark.parametrize("key", ["e", "у"])
def test_e_edits_on_both_layouts_and_the_focus_comes_back(ann, key):
    ann.page.keyboard.press("Shift+Tab")
    ann.page.evaluate(PRESS, ["KeyE", key])
    form = ann.page.locator(".edit-form textarea")
    expect(form).to_be_focused()
    form.fill("changed by keyboard")
    form.press("Enter")
    ann.sees("changed by keyboard")
    expect(ann.row("changed by keyboard")).to_be_focused()


def test_delete_asks_and_the_place_keeps_the_focus(ann):
    keyboard = ann.page.keyboard
    keyboard.press("Shift+Tab")
    keyboard.press("ArrowUp")
    keyboard.press("Delete")
    expect(ann.page.locator("dialog[open] button[value=yes]")).to_be_focused()
    keyboard.press("Enter")
    expect(ann.row("own two")).to_have_count(0)
    expect(ann.page.locator(".message[data-deleted]")).to_be_focused()
    keyboard.press("ArrowUp")
    expect(ann.row("own one")).to_be_focused()


def test_a_late_answer_to_a_deletion_takes_the_focus_from_nobody(ann):
    keyboard = ann.page.keyboard
    ann.page.evaluate(HOLD_ANSWERS)
    keyboard.press("Shift+Tab")
    keyboard.press("ArrowUp")
    keyboard.press("Delete")
    keyboard.press("Enter")
    expect(ann.row("own two")).to_have_count(0)  # the push was quicker
    expect(ann.page.locator(".message[data-deleted]")).to_be_focused()
    keyboard.press("ArrowUp")
    expect(ann.row("own one")).to_be_focused()
    ann.page.evaluate(LET_IN)
    expect(ann.row("own one")).to_be_focused()


def test_a_late_answer_to_an_edit_takes_the_focus_from_nobody(ann):
    ann.page.keyboard.press("Shift+Tab")
    ann.page.evaluate(PRESS, ["KeyE", "e"])
    form = ann.page.locator(".edit-form textarea")
    expect(form).to_be_editable()  # its text has come
    ann.page.evaluate(HOLD_ANSWERS)
    form.fill("changed")
    form.press("Enter")
    ann.sees("changed")
    ann.composer.focus()
    ann.page.evaluate(LET_IN)
    expect(ann.page.locator(".edit-form")).to_have_count(0)
    expect(ann.composer).to_be_focused()


def test_what_is_not_ones_own_is_neither_edited_nor_deleted_by_a_letter(ann):
    ann.page.keyboard.press("Shift+Tab")
    ann.page.keyboard.press("Home")
    for key in ("e", "Delete"):
        ann.page.keyboard.press(key)
    expect(ann.page.locator(".edit-form, dialog[open]")).to_have_count(0)
    expect(ann.rows.first).to_be_focused()


def test_what_comes_meanwhile_leaves_the_focus_and_one_stop(ann, room):
    ann.page.keyboard.press("Shift+Tab")
    room.bob_says("one more")
    ann.sees("one more")
    expect(ann.row("own three")).to_be_focused()
    stops = ann.page.locator("#messages").evaluate(
        "list => list.querySelectorAll('.message[tabindex=\"0\"]').length"
    )
    assert stops == 1


def test_a_message_is_called_by_author_text_and_time(ann):
    row = ann.row("own one")
    time = row.locator("time").inner_text()
    expect(row).to_have_accessible_name(f"Ann own one {time}")
    bare = ann.page.get_by_role("article", name="Bob see the notes and more")
    expect(bare).to_have_count(1)
