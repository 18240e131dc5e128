"""One toolbar for the whole list of messages: it is in the row in hand, and works there."""

from playwright.sync_api import expect

from tests.browser.person import Person

BARS = "#messages .message-actions"


def reloaded(ann: Person, room, *texts: str) -> Person:
    """Ann's browser, with these messages of hers as the page brings them."""
    room.ann_says(*texts)
    ann.page.reload()
    ann.online()
    expect(ann.rows.last).to_have_attribute(
        "data-author", ann.page.get_attribute("body", "data-user-id")
    )
    return ann


def test_there_is_one_and_it_goes_where_the_pointer_goes(ann, room):
    room.bob_says("of somebody else")
    reloaded(ann, room, "first", "second")
    expect(ann.page.locator(BARS)).to_have_count(0)
    for text, can_edit in (("first", True), ("of somebody else", False), ("second", True)):
        row = ann.row(text)
        row.hover()
        expect(row.locator("[data-action=copy-link]")).to_be_visible()
        expect(row.locator("[data-action=edit]")).to_be_visible(visible=can_edit)
        expect(ann.page.locator(BARS)).to_have_count(1)


def test_it_comes_back_to_the_row_with_the_focus_and_loses_no_focus(ann, room):
    reloaded(ann, room, "first", "second")
    ann.page.keyboard.press("Shift+Tab")
    ann.page.keyboard.press("Enter")
    expect(ann.row("second").locator("[data-action=copy-link]")).to_be_focused()
    ann.row("first").hover()
    expect(ann.row("first").locator("[data-action=edit]")).to_be_visible()
    expect(ann.row("second")).to_be_focused()
    ann.page.keyboard.press("Tab")  # the row's first control, with the toolbar behind it
    ann.page.keyboard.press("ArrowLeft")
    expect(ann.row("second").locator("[data-action=delete]")).to_be_focused()
    expect(ann.page.locator(BARS)).to_have_count(1)


def test_the_link_of_a_page_without_scripts_leads_to_it(ann, room):
    reloaded(ann, room, "mine")
    ann.row("mine").locator(".message-more").dispatch_event("click")
    expect(ann.row("mine").locator("[data-action=copy-link]")).to_be_focused()


def test_with_a_deleted_message_nothing_can_be_done(ann, room):
    reloaded(ann, room, "mine")
    ann.act(ann.row("mine"), "delete")
    ann.page.locator("dialog[open] button[value=yes]").click()
    gone = ann.page.locator(".message[data-deleted]")
    expect(gone).to_be_focused()
    gone.hover()
    expect(ann.page.locator(BARS)).to_have_count(0)


def test_an_edit_of_what_the_page_brought_has_what_was_typed(ann, room):
    reloaded(ann, room, "**bold** and `code`", "- one\n- two")
    ann.composer.press("ArrowUp")
    field = ann.page.locator(".edit-form textarea")
    expect(field).to_have_value("- one\n- two")
    expect(field).to_be_editable()
    field.press("Escape")
    ann.act(ann.row("bold and code"), "edit")
    expect(field).to_have_value("**bold** and `code`")
    expect(field).to_be_focused()


def test_an_edit_for_which_nothing_can_be_fetched_says_so_and_leaves_the_message(ann, room, wire):
    reloaded(ann, room, "stays")
    wire.cut()
    ann.act(ann.row("stays"), "edit")
    expect(ann.page.locator(".toast-error")).to_be_visible()
    expect(ann.page.locator(".edit-form")).to_have_count(0)
    expect(ann.row("stays")).to_be_visible()
