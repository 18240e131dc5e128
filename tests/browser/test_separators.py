"""The separators between messages: one for each day, and one "new" line."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import session_of
from tests.browser.frames import refuse_next_post
from tests.browser.person import Person

TOLD = """async messages => {
  const { tell } = await import("/static/js/bus.js");
  for (const message of messages) tell("message:new", { message });
}"""


def separators(person: Person) -> list[str]:
    """Days and new lines of the page, in order; "orphan" is one without a message below it."""
    found = person.page.locator("#messages").evaluate(
        """list => [...list.children].filter(node => !node.matches(".message")).map(node => {
            let below = node.nextElementSibling;
            while (below && below.matches(".day, .new-line")) below = below.nextElementSibling;
            return (below ? "" : "orphan ") + node.innerText;
        })"""
    )
    return [str(text) for text in found]


def told(person: Person, text: str, at: datetime, seq: float) -> None:
    """Somebody says something at this moment, as the server would tell it."""
    message = {
        "id": uuid4().hex[:24], "channel": person.channel_id, "seq": seq, "rev": 0, "text": text,
        "author": {"id": "f" * 24, "nickname": "Eve"}, "html": f"<p>{text}</p>",
        "created_at": at.isoformat(), "client_id": None, "edited_at": None, "deleted": False,
        "reactions": [],
    }  # fmt: skip
    person.page.evaluate(TOLD, [message])
    person.sees(text)


def now_in_zone(hour: int) -> str:
    """A time zone where it is this hour of the day now."""
    ahead = (hour - datetime.now(UTC).hour) % 24
    ahead -= 24 if ahead > 12 else 0
    return f"Etc/GMT{-ahead:+d}"  # POSIX counts westwards


def test_the_first_message_of_an_empty_channel_stands_below_one_day(two):
    ann, bob = two
    ann.write("the very first")
    ann.sees_stored("the very first")
    bob.sees("the very first")
    assert separators(ann) == separators(bob) == ["Today"]


def test_the_first_message_of_a_day_stands_below_one_day(ann):
    told(ann, "from yesterday", datetime.now(UTC) - timedelta(days=1), 0.5)
    ann.write("of today")
    ann.sees_stored("of today")
    assert separators(ann) == ["Yesterday", "Today"]


def test_a_day_goes_with_the_message_that_is_discarded(ann):
    refuse_next_post(ann, "invalid", "Not like this")
    ann.write("refused")
    ann.sees("refused").locator(".message-discard").click()
    expect(ann.rows).to_have_count(0)
    assert separators(ann) == []


def test_past_midnight_the_day_is_yesterday_and_what_comes_is_today(site, meet):
    member = site.members["Ann"]
    channel = member.new_channel()
    member.say(channel, "late in the evening")
    ann = meet("Ann", site.url, storage_state=session_of(member), timezone_id=now_in_zone(23))
    ann.page.clock.install()
    ann.open(f"/channels/{channel['slug']}").online()
    assert separators(ann) == ["Today"]
    ann.page.clock.fast_forward("01:00:00")
    expect(ann.page.locator("#messages .day")).to_have_text("Yesterday")
    told(ann, "after midnight", datetime.now(UTC) + timedelta(hours=1), 2)
    assert separators(ann) == ["Yesterday", "Today"]


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_is_days_off_makes_no_day_of_its_own(site, meet, days):
    member = site.members["Ann"]
    channel = member.new_channel()
    member.say(channel, "before")
    ann = meet("Ann", site.url, storage_state=session_of(member))
    ann.page.clock.install(time=datetime.now(UTC) + timedelta(days=days))
    ann.open(f"/channels/{channel['slug']}").online()
    assert separators(ann) == ["Today"]
    ann.write("from a wrong clock")
    assert separators(ann) == ["Today"]  # on its way
    ann.sees_stored("from a wrong clock")
    assert separators(ann) == ["Today"]
