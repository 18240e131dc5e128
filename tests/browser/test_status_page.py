"""The status page in a browser: true while it is open, calm for whoever uses it, for everybody."""

from playwright.sync_api import expect

from tests.browser.person import PASSWORD
from tests.browser.test_accessibility import serious
from tests.support.people import Person as Caller

LIVE = "**/admin/status/now"


def set_emoji(caller, percent, was):
    fields = {"emoji": str(percent), "was_emoji": str(was), "sure": "1"}
    assert caller.post_form("/admin/rollout", **fields).status_code == 303


def test_an_open_page_shows_a_change_by_itself_and_leaves_the_focus_where_it_is(site, meet):
    owner = meet(site.owner, site.url).log_in()
    owner.open("/admin/status")
    link = owner.page.locator("#traffic-emoji")
    expect(owner.page.locator("#live-hint")).to_contain_text("every 5 seconds")
    link.focus()
    caller = Caller(site.url, site.owner, PASSWORD).login()
    set_emoji(caller, 30, 100)
    try:
        expect(link).to_have_text("30 %", timeout=30_000)
        expect(link).to_be_focused()
        assert serious(owner.page) == []
    finally:
        set_emoji(caller, 100, 30)
        caller.close()


def test_a_page_that_cannot_be_brought_up_to_date_says_so_and_goes_on(site, meet):
    owner = meet(site.owner, site.url).log_in()
    owner.open("/admin/status")
    owner.page.route(LIVE, lambda route: route.abort())
    hint = owner.page.locator("#live-hint")
    expect(hint).to_contain_text("could not be brought up to date", timeout=30_000)
    owner.page.unroute(LIVE)
    expect(hint).to_contain_text("every 5 seconds", timeout=30_000)


def test_each_control_asks_on_a_page_that_everybody_can_use(site, meet):
    owner = meet(site.owner, site.url).log_in()
    for what in ("drill", "kill", "back", "stop-drill", "empty-users"):
        owner.open(f"/admin/control/{what}")
        assert serious(owner.page) == [], what
    owner.page.set_viewport_size({"width": 360, "height": 780})
    for path in ("/admin/status", "/admin/control/drill"):
        owner.open(path)
        assert not owner.page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
