"""Cached API reads: X-Cache names the source, and an ETag avoids a second transfer."""

import pytest

from tests.support.people import Person

READS = [
    "/api/users",
    "/api/channels",
    "/api/channels/{channel}",
    "/api/channels/{channel}/users",
    "/api/channels/{channel}/messages",
    "/api/emoji",
]


@pytest.mark.parametrize("path", READS)
def test_cached_reads_say_where_they_came_from(alice: Person, path: str) -> None:
    answer = alice.get(path.format(channel=alice.new_channel()["id"]))
    assert answer.headers["X-Cache"] in ("hit", "miss", "bypass", "down")
    assert answer.headers["ETag"]
    assert "private" in answer.headers["Cache-Control"] or "no-store" in answer.headers[
        "Cache-Control"
    ]  # fmt: skip


def test_what_the_caller_holds_is_not_sent_again(alice: Person) -> None:
    channel = alice.new_channel()
    path = f"/api/channels/{channel['id']}/messages"
    alice.say(channel, "one")
    first = alice.get(path)
    held = {"If-None-Match": first.headers["ETag"]}
    again = alice.get(path, headers=held)
    assert (again.status_code, again.content) == (304, b"")
    alice.say(channel, "two")
    changed = alice.get(path, headers=held)
    assert changed.status_code == 200
    assert len(changed.json()["messages"]) == 2
