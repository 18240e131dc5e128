"""The first message of a direct conversation is sent without a reload and is not lost."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.person import PASSWORD
from tests.support.people import Person as Member

MARK = "window.stillTheSamePage = true"
SAME = "window.stillTheSamePage === true"


@pytest.fixture(scope="module")
def strangers(site) -> dict[str, Member]:
    """Two people who have never written to anybody."""
    invite = site.invite.rsplit("/", 1)[1]
    return {name: Member(site.url, name, PASSWORD).register(invite) for name in ("Cleo", "Dmitri")}


def test_the_first_message_leaves_both_pages_and_what_is_typed_as_they_are(site, meet, strangers):
    cleo, dmitri = (meet(n, site.url, storage_state=session_of(m)) for n, m in strangers.items())
    cleo.open("/dm/Dmitri").online()
    dmitri.open("/dm/Cleo").online()
    for person in (cleo, dmitri):
        person.page.evaluate(MARK)
        expect(person.page.locator("#member-list .person")).to_have_count(2)
    dmitri.composer.press_sequentially("half a th")
    cleo.composer.press_sequentially("hello")
    cleo.composer.press("Enter")
    cleo.composer.press_sequentially("and another thing")
    cleo.sees_stored("hello")
    dmitri.sees("hello")
    link = cleo.page.locator("#direct-links [data-channel-link]", has_text="Dmitri")
    expect(link).to_have_attribute("aria-current", "page")
    expect(cleo.composer).to_be_focused()
    expect(cleo.composer).to_have_value("and another thing")
    dmitri.composer.press_sequentially("ought")
    expect(dmitri.composer).to_have_value("half a thought")
    cleo.composer.press("Enter")
    dmitri.composer.press("Enter")
    cleo.sees("half a thought")
    dmitri.sees("and another thing")
    assert all(person.page.evaluate(SAME) for person in (cleo, dmitri))
    cleo.page.reload()
    cleo.online()
    assert sorted(cleo.texts()) == ["and another thing", "half a thought", "hello"]
    expect(cleo.composer).to_have_value("")


def test_a_draft_to_a_person_survives_a_reload(site, meet, strangers):
    cleo = meet("Cleo", site.url, storage_state=session_of(strangers["Cleo"]))
    cleo.open("/dm/Vera").online()
    cleo.composer.press_sequentially("not yet")
    cleo.page.reload()
    cleo.online()
    expect(cleo.composer).to_have_value("not yet")


def test_a_first_message_written_without_a_connection_is_sent_once_when_there_is_one(
    site, meet, wire, strangers
):
    cleo = meet("Cleo", wire.url, storage_state=session_of(strangers["Cleo"]))
    cleo.open("/dm/Bob").online()
    wire.cut()
    cleo.offline()
    cleo.write("from the woods").write("still there")
    cleo.sees("from the woods")
    wire.mend()
    cleo.page.reload()
    cleo.online()
    cleo.sees_stored("from the woods")
    cleo.sees_stored("still there")
    assert cleo.texts() == ["from the woods", "still there"]
    directs = strangers["Cleo"].get("/api/channels").json()["channels"]
    channel = next(view for view in directs if view["title"] == "Bob")
    stored = site.members["Bob"].get(f"/api/channels/{channel['id']}/messages").json()["messages"]
    assert [message["text"] for message in stored] == ["from the woods", "still there"]


def test_a_refused_first_message_stays_and_is_sent_with_retry(site, meet, strangers):
    dmitri = meet("Dmitri", site.url, storage_state=session_of(strangers["Dmitri"]))
    dmitri.open("/dm/Ann").online()
    problem = json.dumps({"status": 404, "title": "Not found", "detail": "Nobody is there."})
    dmitri.page.route("**/api/directs", lambda route: route.fulfill(status=404, body=problem))
    dmitri.write("knock knock")
    row = dmitri.sees("knock knock")
    expect(row).to_contain_text("Nobody is there.")
    dmitri.page.unroute("**/api/directs")
    row.locator(".message-retry").click()
    dmitri.sees_stored("knock knock")
    mine = site.members["Ann"].get("/api/channels").json()["channels"]
    assert any(view["title"] == "Dmitri" for view in mine)
