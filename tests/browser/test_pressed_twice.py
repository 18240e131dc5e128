"""A form that is sent twice, in two tabs or before a reload, takes effect once."""

from contextlib import suppress
from uuid import uuid4

import pytest
from playwright.sync_api import Error, expect

from tests.browser.person import PASSWORD
from tests.support.long import long_but
from tests.support.people import Person as Member
from tests.support.waiting import eventually

# Presses a button twice while the first press is under way; how often its form was sent.
PRESS_TWICE = """button => {
  let sent = 0;
  addEventListener("submit", (event) => {
    sent += !event.defaultPrevented;
    event.preventDefault();
  });
  button.click();
  button.click();
  return sent;
}"""


def fill_channel(page) -> str:
    name = f"twice {uuid4().hex[:6]}"
    page.fill("#name", name)
    return name


def fill_token(page) -> None:
    page.fill("#token_name", "twice")
    page.fill("#token_password", PASSWORD)


PRESSED = {
    "a new channel": ("/channels", fill_channel, "Create channel"),
    "a new token": ("/settings", fill_token, "Create token"),
    "a new invite": ("/admin", lambda page: None, "Create a new link"),
    "settings": ("/settings", lambda page: None, "Save"),
    "a drill": ("/admin/control/stop-drill", lambda page: None, "End drill"),
    "emptying": ("/admin/control/empty-emoji", lambda page: None, "Clear it"),
}


ONE_OF_A_KIND = ("a new channel", "emptying")  # a form with fields, and a question


@pytest.mark.parametrize("what", long_but(PRESSED, *ONE_OF_A_KIND))
def test_a_double_click_sends_a_form_once(owner, what):
    path, fill, button = PRESSED[what]
    owner.open(path).online()
    fill(owner.page)
    pressed = owner.page.get_by_role("button", name=button, exact=True).first
    assert pressed.evaluate(PRESS_TWICE) == 1


def test_before_there_is_an_account_too(site, meet):
    visitor = meet(f"once-{uuid4().hex[:6]}", site.url).open(site.invite.removeprefix(site.url))
    visitor.page.fill("#nickname", visitor.nickname)
    visitor.page.fill("#password", PASSWORD)
    pressed = visitor.page.locator(".card button[type=submit]")
    assert pressed.evaluate(PRESS_TWICE) == 1
    visitor.page.reload()
    visitor.page.fill("#nickname", visitor.nickname)
    visitor.page.fill("#password", PASSWORD)
    pressed.dblclick()
    expect(visitor.page.locator("#composer")).to_be_visible()


def test_after_going_back_the_form_can_be_sent_again(owner):
    owner.open("/channels").online()
    names: list[str] = []
    for _ in range(2):
        names.append(fill_channel(owner.page))
        owner.page.get_by_role("button", name="Create channel").click()
        expect(owner.page.locator("h1")).to_contain_text(names[-1])
        owner.page.go_back()
        expect(owner.page.locator("#name")).to_be_visible()
    titles = [one["name"] for one in owner.api("GET", "/api/channels")["channels"]]
    assert all(titles.count(name) == 1 for name in names)


def test_what_another_tab_has_ended_is_no_error(owner, site):
    somebody = Member(site.url, f"two-{uuid4().hex[:6]}", PASSWORD)
    somebody.register(site.invite.rpartition("/")[2])
    code = site.members[site.owner].invite()
    token = (
        site.members[site.owner]
        .post("/api/tokens", {"name": "two tabs", "password": PASSWORD})
        .json()["id"]
    )
    for path, words in {
        f"/admin/invites/{code}/revoke": "no longer works",
        f"/settings/tokens/{token}/revoke": "no longer works",
        f"/admin/people/{somebody.id}/deactivate": "is deactivated",
    }.items():
        owner.open(path)
        other = owner.another_tab()
        for tab in (owner, other):
            tab.page.locator(".page-body form button").click()
            expect(tab.page.locator("[data-told]")).to_contain_text(words)
        other.open(path)  # the question, when it is over: leads back, or asks what does no harm
        expect(other.page.locator("body[data-page=error]")).to_have_count(0)
        other.page.close()
    somebody.close()


def test_a_reload_while_a_form_is_under_way_does_it_once(owner, site):
    owner.open("/channels").online()
    name = fill_channel(owner.page)
    with owner.page.expect_request(lambda request: request.method == "POST"):
        owner.page.get_by_role("button", name="Create channel").click(no_wait_after=True)
    with suppress(Error):  # the form's own answer may come first, and is left then
        owner.page.goto(f"{owner.url}/channels")
    owner.page.goto(f"{owner.url}/channels")
    expect(owner.page.locator("#name")).to_be_visible()

    def made() -> int:
        channels = owner.api("GET", "/api/channels")["channels"]
        return [one["name"] for one in channels].count(name)

    eventually(lambda: made() == 1)
