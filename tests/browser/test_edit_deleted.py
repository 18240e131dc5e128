"""If a message is deleted while its author edits it, the typed text is kept."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.support.tabs import Tab


def begin_edit(ann: Person, before: str, typed: str) -> tuple[Any, str]:
    """Ann edits her message and has typed something; the row, and the message's id."""
    ann.write(before)
    row = ann.sees_stored(before)
    message_id = str(row.get_attribute("data-id"))
    ann.act(row, "edit")
    row = ann.page.locator(f".message[data-id='{message_id}']")
    row.locator("textarea").fill(typed)
    return row, message_id


def test_what_was_typed_into_an_edit_survives_the_deletion_and_is_posted_anew(
    site: Any, ann: Person, bobs_line: Tab
) -> None:
    row, message_id = begin_edit(ann, "the first version", "the second version, much longer")
    site.members["Vera"].post(f"/api/channels/{ann.channel_id}/join")
    assert site.members["Vera"].delete(f"/api/messages/{message_id}").status_code == 204
    expect(row.locator(".field-error")).to_contain_text("deleted in the meantime")
    expect(row).to_contain_text("This message was deleted.")
    expect(row.locator("textarea")).to_have_value("the second version, much longer")
    row.get_by_role("button", name="Post as a new message").click()
    ann.sees_stored("the second version, much longer")
    bobs_line.hears("the second version, much longer")
    expect(row.locator("textarea")).to_have_count(0)


def test_an_edit_saved_before_the_deletion_is_heard_of_is_kept_too(site: Any, ann: Person) -> None:
    row, message_id = begin_edit(ann, "one more first", "one more second")
    ann.page.route(
        f"**/api/messages/{message_id}",
        lambda route: route.fulfill(status=404, json={"title": "gone", "error": "not_found"}),
    )
    row.locator("textarea").press("Enter")
    expect(row.locator(".field-error")).to_contain_text("deleted in the meantime")
    row.get_by_role("button", name="Post as a new message").click()
    ann.sees_stored("one more second")


def test_an_edit_in_which_nothing_was_typed_closes(site: Any, ann: Person) -> None:
    row, message_id = begin_edit(ann, "left as it was", "left as it was")
    site.members["Vera"].post(f"/api/channels/{ann.channel_id}/join")
    assert site.members["Vera"].delete(f"/api/messages/{message_id}").status_code == 204
    expect(row.locator("textarea")).to_have_count(0)
