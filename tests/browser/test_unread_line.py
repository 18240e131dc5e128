"""The "new" line and its bar show where reading stopped, and nothing on the page jumps."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.person import Person
from tests.support.long import long_but
from tests.support.people import Person as Member
from tests.support.waiting import eventually

# Sums up what the browser calls shifts, and where things stood in each frame.
WATCH = """
window.shifts = 0; window.tops = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
requestAnimationFrame(function look() {
  const rows = document.querySelectorAll("#messages .message");
  if (rows.length) window.tops.push(Math.round(rows[rows.length - 1].getBoundingClientRect().top));
  requestAnimationFrame(look);
});
"""


@pytest.fixture
def behind(site):
    """A channel in which Ann has read two messages and Bob has said more since."""

    def make(count: int, word: str = "news") -> dict:
        ann, bob = site.members["Ann"], site.members["Bob"]
        channel = bob.new_channel()
        ann.post(f"/api/channels/{channel['id']}/join")
        bob.say(channel, "seen 1")
        seq = bob.say(channel, "seen 2")["seq"]
        assert ann.post(f"/api/channels/{channel['id']}/read", {"seq": seq}).ok
        for number in range(1, count + 1):
            bob.say(channel, f"{word} {number:03}")
        return channel

    return make


@pytest.fixture
def ann(site, meet):
    """Ann with a browser: ann(**options)."""
    member = site.members["Ann"]
    return lambda **options: meet("Ann", site.url, storage_state=session_of(member), **options)


def unread(member: Member, channel: dict) -> int:
    return int(member.get(f"/api/channels/{channel['id']}").json()["unread"])


def member_time(member: Member, channel: dict, seq: int, zone: str) -> str:
    """When a message was said, by a clock of that zone: 8:05."""
    path = f"/api/channels/{channel['id']}/messages/around?seq={seq}"
    said = next(m for m in member.get(path).json()["messages"] if m["seq"] == seq)
    at = datetime.fromisoformat(said["created_at"]).astimezone(ZoneInfo(zone))
    return f"{at.hour % 12 or 12}:{at:%M}"


def below_the_line(person: Person) -> str:
    line = person.page.locator("#messages .new-line")
    expect(line).to_have_count(1)
    return str(line.evaluate("line => line.nextElementSibling.innerText"))


def test_a_bar_says_how_many_since_when_and_leads_to_the_first(site, ann, behind):
    channel = behind(120)
    reader = ann(timezone_id="Asia/Tokyo").open(f"/channels/{channel['slug']}").online()
    bar = reader.page.locator("#unread-bar")
    expect(bar).to_be_visible()
    first = member_time(site.members["Ann"], channel, 3, "Asia/Tokyo")
    assert re.match(rf"120 new messages since {first}\b", bar.inner_text())
    expect(reader.page.locator("#messages .new-line")).to_have_count(0)
    assert unread(site.members["Ann"], channel) == 100  # as many as are counted: nothing was read
    bar.get_by_text("Jump to the first").click()
    reader.online()
    assert "news 001" in below_the_line(reader)
    expect(reader.row("news 001")).to_be_in_viewport()
    expect(bar).to_be_hidden()


def test_mark_as_read_by_keyboard_reads_everything_in_place(site, ann, behind):
    channel = behind(60)
    reader = ann().open(f"/channels/{channel['slug']}").online()
    bar = reader.page.locator("#unread-bar")
    button = bar.get_by_role("button", name="Mark as read")
    for _ in range(40):
        if button.evaluate("button => button === document.activeElement"):
            break
        reader.page.keyboard.press("Shift+Tab")
    expect(button).to_be_focused()
    reader.page.evaluate("window.stillTheSamePage = true")
    reader.page.keyboard.press("Enter")
    expect(bar).to_be_hidden()
    eventually(lambda: unread(site.members["Ann"], channel) == 0)
    expect(reader.composer).to_be_focused()
    assert reader.page.evaluate("window.stillTheSamePage === true")


def test_whoever_scrolls_up_to_it_finds_the_line_and_has_read(site, ann, behind):
    channel = behind(90)
    reader = ann().open(f"/channels/{channel['slug']}").online()
    expect(reader.page.locator("#unread-bar")).to_be_visible()
    scroller = reader.page.locator("#scroller")
    while not reader.row("news 001").count():
        scroller.evaluate("box => (box.scrollTop = 0)")
        reader.page.wait_for_timeout(100)
    assert "news 001" in below_the_line(reader)
    expect(reader.page.locator("#unread-bar")).to_be_hidden()
    scroller.evaluate("box => (box.scrollTop = box.scrollHeight)")
    eventually(lambda: unread(site.members["Ann"], channel) == 0)


def test_whoever_leaves_the_line_for_the_latest_is_told_what_was_skipped(site, ann, behind):
    channel = behind(120)
    reader = ann().open(f"/channels/{channel['slug']}/m/2").online()
    assert "news 001" in below_the_line(reader)
    bar = reader.page.locator("#unread-bar")
    expect(bar).to_have_count(0)
    reader.page.click("#jump-latest")
    expect(bar).to_contain_text("120 new messages since ")
    expect(reader.row("news 120")).to_be_in_viewport()
    assert unread(site.members["Ann"], channel) == 100
    reader.page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    eventually(lambda: unread(site.members["Ann"], channel) == 0)


IN_RUSSIAN = {
    51: "51 новое сообщение с ", 62: "62 новых сообщения с ", 65: "65 новых сообщений с "
}  # fmt: skip


@pytest.mark.parametrize("count", long_but(IN_RUSSIAN, 62))
def test_the_bar_counts_in_russian(ann, behind, count):
    channel = behind(count)
    reader = ann(locale="ru-RU").open(f"/channels/{channel['slug']}").online()
    bar = reader.page.locator("#unread-bar")
    expect(bar).to_contain_text(IN_RUSSIAN[count])
    expect(bar).to_contain_text("К первому")


def test_without_a_script_the_bar_is_a_link_and_a_form(site, ann, behind):
    channel = behind(60)
    reader = ann(java_script_enabled=False).open(f"/channels/{channel['slug']}")
    bar = reader.page.locator("#unread-bar")
    expect(bar).to_contain_text("60 new messages since ")
    bar.get_by_text("Jump to the first").click()
    assert "news 001" in below_the_line(reader)
    expect(bar).to_have_count(0)
    reader.open(f"/channels/{channel['slug']}")
    bar.get_by_role("button", name="Mark as read").click()
    expect(bar).to_have_count(0)
    assert unread(site.members["Ann"], channel) == 0


def test_no_page_of_history_draws_the_line_at_its_edge(ann, behind):
    channel = behind(120)
    reader = ann(java_script_enabled=False)
    for part, barred in ((f"/m/{100}", 1), ("?before=100", 1), ("?before=40", 0), ("/m/20", 0)):
        reader.open(f"/channels/{channel['slug']}{part}")
        if barred:
            expect(reader.page.locator(".new-line")).to_have_count(0)
        else:
            assert "news 001" in below_the_line(reader)
        expect(reader.page.locator("#unread-bar")).to_have_count(barred)


def test_ones_own_words_and_deleted_ones_are_not_where_reading_stopped(site, ann, behind):
    channel = behind(1, "gone")
    bob, member = site.members["Bob"], site.members["Ann"]
    history = member.get(f"/api/channels/{channel['id']}/messages").json()["messages"]
    assert bob.delete(f"/api/messages/{history[-1]['id']}").ok
    for number in range(55):
        member.say(channel, f"own {number:02}")
    bob.say(channel, "an answer")
    reader = ann(java_script_enabled=False).open(f"/channels/{channel['slug']}")
    assert "an answer" in below_the_line(reader)
    expect(reader.page.locator("#unread-bar")).to_have_count(0)


DESK, PHONE = (1440, 900), (360, 780)
OPENED = [(size, count) for size in (DESK, PHONE) for count in (0, 30, 120)]


@pytest.mark.parametrize(("size", "count"), long_but(OPENED, (PHONE, 30), (DESK, 120)))
def test_opening_a_channel_shifts_nothing(ann, behind, size, count):
    channel = behind(count, "some rather longer words, so that a narrow line is full of them,")
    reader = ann(viewport={"width": size[0], "height": size[1]})
    reader.page.add_init_script(WATCH)
    reader.open(f"/channels/{channel['slug']}").online()
    reader.page.wait_for_timeout(500)  # what comes late would be a shift, too
    assert reader.page.evaluate("window.shifts") <= 0.02
    tops = reader.page.evaluate("window.tops")
    assert max(tops) - min(tops) <= 1, tops
    if count == 30:
        expect(reader.page.locator(".new-line")).to_be_in_viewport()
