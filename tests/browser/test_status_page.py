"""The status page in a browser: it updates itself without moving the focus."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.person import PASSWORD
from tests.browser.test_accessibility import serious
from tests.support.people import Person as Caller
from tests.support.processes import ROOT

LIVE = "**/admin/status/now"
EVERY_MS = 5000  # static/js/status.js


def set_emoji(caller, percent, was):
    fields = {"emoji": str(percent), "was_emoji": str(was), "sure": "1"}
    assert caller.post_form("/admin/rollout", **fields).status_code == 303


def test_an_open_page_shows_a_change_by_itself_and_leaves_the_focus_where_it_is(site, owner):
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


def test_a_page_is_told_of_a_change_and_does_not_wait_for_its_turn(site, owner):
    assert f"EVERY_MS = {EVERY_MS};" in (ROOT / "static/js/status.js").read_text(encoding="utf-8")
    owner.page.add_init_script(f"""{{
      const real = window.setTimeout;
      window.setTimeout = (fn, ms, ...rest) => (ms === {EVERY_MS} ? 0 : real(fn, ms, ...rest));
    }}""")
    with owner.page.expect_response(LIVE):  # as soon as it has been heard that it wants to be told
        owner.open("/admin/status")
    caller = Caller(site.url, site.owner, PASSWORD).login()
    set_emoji(caller, 40, 100)
    try:
        expect(owner.page.locator("#traffic-emoji")).to_have_text("40 %", timeout=30_000)
    finally:
        set_emoji(caller, 100, 40)
        caller.close()


def test_a_page_that_cannot_be_brought_up_to_date_says_so_and_goes_on(site, owner):
    owner.open("/admin/status")
    owner.page.route(LIVE, lambda route: route.abort())
    hint = owner.page.locator("#live-hint")
    expect(hint).to_contain_text("could not be updated", timeout=30_000)
    owner.page.unroute(LIVE)
    expect(hint).to_contain_text("every 5 seconds", timeout=30_000)


def test_each_control_asks_on_a_page_that_everybody_can_use(site, owner):
    for what in ("drill", "kill", "back", "stop-drill", "empty-users"):
        owner.open(f"/admin/control/{what}")
        assert serious(owner.page) == [], what
    owner.page.set_viewport_size({"width": 360, "height": 780})
    for path in ("/admin/control/drill", "/admin/status"):
        owner.open(path)
        assert not owner.page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
    ends = "found => new Set(found.map(one => Math.round(one.getBoundingClientRect().right))).size"
    assert owner.page.locator("#live-caches .facts-row dd").evaluate_all(ends) == 1


@pytest.mark.parametrize("language", ["en", "ru"])
def test_on_a_wide_screen_no_table_is_cut(site, meet, language):
    session = session_of(site.members[site.owner])
    owner = meet(site.owner, site.url, locale=language, storage_state=session)
    owner.page.set_viewport_size({"width": 1440, "height": 900})
    owner.open("/admin/status")
    cut = "found => found.filter(one => one.scrollWidth > one.clientWidth).length"
    assert owner.page.locator("html").get_attribute("lang") == language
    assert owner.page.locator(".table-wrap").evaluate_all(cut) == 0


def test_links_at_the_top_lead_a_keyboard_to_each_part(site, owner):
    owner.page.set_viewport_size({"width": 360, "height": 780})
    owner.open("/admin/status")
    links = owner.page.get_by_role("navigation", name="On this page").get_by_role("link")
    for link in links.all():
        part = owner.page.locator(link.get_attribute("href"))
        link.focus()
        owner.page.keyboard.press("Enter")
        expect(part).to_be_in_viewport()
    expect(links).to_have_count(7)


def test_an_open_page_offers_to_end_a_drill_for_as_long_as_there_is_one(site, owner):
    owner.open("/admin/status").online()
    start, end = (owner.page.locator(f"#control-{what}") for what in ("drill", "stop-drill"))
    expect(start).to_be_visible()
    expect(end).to_have_count(0)
    caller = Caller(site.url, site.owner, PASSWORD).login()
    assert caller.post_form("/admin/control/drill", seconds="5").status_code == 303
    expect(end).to_be_visible()
    expect(start).to_have_count(0)
    expect(start).to_be_visible()  # it is over
    expect(end).to_have_count(0)
    caller.close()
