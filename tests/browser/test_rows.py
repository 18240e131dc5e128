"""A message looks the same however it came: with the page, by push, caught up on, or as history."""

from typing import Any

import pymongo
import pytest
from bson import ObjectId

from chat.models import base
from chat.protocol import HISTORY_PAGE, NOBODY
from tests.browser.conftest import session_of
from tests.browser.person import Person

TEXTS = {
    "plain": "Good morning!",
    "grouped": "And another one",
    "signs": "<b>2 < 3 & \"quoted\" 'too'</b> &amp; a\u00a0gap",
    "lines": "first\nsecond\n\nthird",
    "markdown": "**bold** _it_ ~~no~~ `code` [link](https://example.org/?a=1&b=2)\n\n> q\n\n- x",
    "escaped": "\\*not italic\\*",
    "code": "```python\ndef f(x):\n    return x < 2\n```",
    "list": "98. a\n99. b\n100. c",
    "emoji": "🎉 👩‍🚀",
    "mention": "@Bob: see https://example.org",
    "hebrew": "שלום לכולם!",
    "edited": "before",
    "edited to plain": "*before*",
    "deleted": "gone",
    "reacted": "well done",
}
# What a row is made of, without the white space between its parts. The toolbar, and what Tab
# reaches, are of the list.
ROWS = """() => {
  const shape = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return /^\\s*$/.test(node.data) ? null : node.data;
    if (node.id === "message-actions") return null;
    const attributes = [...node.attributes].filter(({ name }) => name !== "tabindex");
    const named = attributes.map(({ name, value }) => `${name}=${value}`).sort();
    return [node.localName, named, [...node.childNodes].map(shape).filter(Boolean)];
  };
  const rows = [...document.querySelectorAll("#messages .message")];
  return Object.fromEntries(rows.map((row) => [row.id, shape(row)]));
}"""


def system_message(site: Any, channel: dict) -> None:
    """What the installation itself says, before anybody else."""
    database = pymongo.MongoClient(site.server.env["MONGODB_URI"]).get_default_database()
    text = "**Alert.** Redis is not responding"
    database.messages.insert_one({
        "channel": ObjectId(channel["id"]), "seq": 1, "rev": 1, "first_rev": 1, "taken": [1],
        "author": ObjectId(NOBODY), "author_nickname": "Server status", "client_id": "alert-1",
        "text": text, "html": "<p><strong>Alert.</strong> Redis is not responding</p>",
        "created_at": base.now(), "deleted": False, "reactions": [],
    })  # fmt: skip


def say_all(member: Any, other: Any, channel: dict) -> None:
    """A message of each kind."""
    said = {kind: member.say(channel, text) for kind, text in TEXTS.items()}
    path = {kind: f"/api/messages/{message['id']}" for kind, message in said.items()}
    member.patch(path["edited"], {"text": "after, with `code`"})
    member.patch(path["edited to plain"], {"text": "after"})
    for person, sign in ((member, "👍"), (other, "👍"), (other, "🎉")):
        assert person.session.put(
            f"{person.url}{path['reacted']}/reactions/{sign}",
            headers={"X-CSRFToken": person.csrf}, timeout=30,
        ).ok  # fmt: skip
    assert member.delete(path["deleted"]).status_code == 204
    other.say(channel, "the last word")


@pytest.fixture
def channel(site: Any) -> dict:
    made = dict(site.members["Ann"].new_channel())
    system_message(site, made)
    assert site.members["Bob"].post(f"/api/channels/{made['id']}/join").status_code == 204
    return made


def test_a_row_is_the_same_by_page_push_catching_up_and_history(
    site: Any, meet: Any, wire: Any, channel: dict
) -> None:
    ann, bob = site.members["Ann"], site.members["Bob"]
    path = f"/channels/{channel['slug']}"

    def reader(url: str) -> Person:
        return meet("Bob", url, storage_state=session_of(bob)).open(path).online()

    pushed, away = reader(site.url), reader(wire.url)
    wire.cut()
    away.offline()
    say_all(ann, bob, channel)
    by_push = rows(pushed)
    wire.mend()
    away.online()
    by_catching_up = rows(away)
    by_page = rows(reader(site.url))
    assert by_push == by_page
    assert by_catching_up == by_page

    for number in range(HISTORY_PAGE):
        ann.say(channel, f"filler {number}")
    late = reader(site.url)
    late.page.locator("#scroller").evaluate("box => (box.scrollTop = 0)")
    late.sees("Alert.")
    by_history = rows(late)
    assert {key: by_history[key] for key in by_page} == by_page


def rows(person: Person) -> dict[str, Any]:
    person.sees("the last word")
    found: dict[str, Any] = person.page.evaluate(ROWS)
    return found
