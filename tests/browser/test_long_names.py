"""The longest names fit on every page, on a phone and in both languages."""

from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.browser.conftest import session_of
from tests.browser.person import PASSWORD
from tests.support.long import long_but
from tests.support.people import Person as Member

WIDTHS = (360, 820, 1440)
# What scrolls sideways on purpose is not among them: code, the links at the top of the status page.
BOXES = (
    "html, .page-body, .card, .list, .list > li, .table-wrap, .people, .sidebar-scroll, .timeline"
)
OVERFLOWS = f"""() => [...document.querySelectorAll("{BOXES}")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => `${{box.className || box.tagName}}: ${{box.scrollWidth}} > ${{box.clientWidth}}`)"""


@pytest.fixture(scope="module")
def longest(site) -> dict:
    """Somebody with the longest nickname and status, in a channel with the longest name."""
    nickname = "W" * 26 + uuid4().hex[:6].upper()
    person = Member(site.url, nickname, PASSWORD).register(site.invite.rpartition("/")[2])
    assert person.patch("/api/me", {"status": "W" * 80}).status_code == 200
    owner = site.members[site.owner]
    made = owner.post("/api/channels", {"name": "W" * 74 + uuid4().hex[:6], "topic": "W" * 250})
    channel = dict(made.json())
    assert person.post(f"/api/channels/{channel['id']}/join").status_code == 204
    message = person.say(channel, "W" * 300)
    yield {"person": person, "channel": channel, "message": message}
    person.close()


@pytest.mark.parametrize("language", long_but(["en", "ru"], "ru"))
def test_the_longest_names_overflow_nothing(site, meet, longest, language):
    session = session_of(site.members[site.owner])
    owner = meet(site.owner, site.url, storage_state=session, locale=language)
    person, slug = longest["person"], quote(longest["channel"]["slug"])
    paths = [
        f"/channels/{slug}", f"/channels/{slug}#members", f"/channels/{slug}#sidebar",
        f"/channels/{slug}/settings", f"/channels/{slug}/leave", "/channels", "/dm",
        f"/channels/{slug}/settings?done=added&who={person.id}#people",
        f"/channels/{slug}/people/{person.id}/remove", f"/dm/{quote(person.nickname)}",
        "/admin", f"/admin?done=role&who={person.id}#people",
        f"/admin/people/{person.id}/deactivate",
        f"/messages/{longest['message']['id']}/delete", "/settings",
    ]  # fmt: skip
    found = {}
    for path in paths:
        owner.open(path)
        for width in WIDTHS:
            owner.page.set_viewport_size({"width": width, "height": 780})
            found[path, width] = owner.page.evaluate(OVERFLOWS)
    assert {page: boxes for page, boxes in found.items() if boxes} == {}
