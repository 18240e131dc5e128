"""Post, edit and read over the socket; each person is at another process."""

import json
from uuid import uuid4

import pytest

from tests.realtime.conftest import together
from tests.support.people import new_message
from tests.support.waiting import SECONDS, eventually

HEADER = 4  # bytes of a WebSocket frame beside its text


def test_a_post_is_acknowledged_and_reaches_the_other_process(alice, bob, room):
    here, there = alice.tab(), bob.tab()
    answer = here.post(room, "hello **you**")
    assert answer["ok"]
    assert answer["message"]["seq"] == 1
    there.hears("hello **you**")
    pushed = there.heard("message:new")[0]
    assert pushed["message"] == answer["message"]
    assert "<strong>you</strong>" in pushed["message"]["html"]
    assert list(pushed) == ["message"]


@pytest.mark.parametrize("text", ["plain", "2 < 3 & 4 > 1", "“Grüße”, he said: it's – 👍"])
def test_what_needs_no_markup_travels_once(alice, bob, room, text):
    here, there = alice.tab(), bob.tab()
    answer = here.post(room, text)["message"]
    there.hears(text)
    without = {name: value for name, value in answer.items() if name != "html"}
    assert there.heard("message:new") == [{"message": without}]
    opened = bob.tab().ask("channel:open", channel=room, after=0)
    assert opened["messages"] == [{"message": without}]


@pytest.mark.parametrize("text", ["*a*", "a\nb", "`a`", "https://example.org", "> a", "a\u00a0b"])
def test_what_is_shown_otherwise_than_typed_brings_its_html(alice, bob, room, text):
    there = bob.tab()
    answer = alice.tab().post(room, text)["message"]
    there.hears(text)
    assert there.heard("message:new") == [{"message": answer}]


def test_a_short_message_is_short_on_the_wire(alice, bob, room):
    there = bob.tab()
    alice.tab().post(room, "x" * 100, str(uuid4()))
    there.hears("x" * 100)
    packet = json.dumps(["message:new", *there.heard("message:new")], separators=(",", ":"))
    assert len(f"42{packet}") <= 600 - HEADER


def test_a_retry_stores_nothing_twice_and_is_news_only_to_who_has_not_heard(alice, bob, room):
    here, there, client_id = alice.tab(), bob.tab(), uuid4().hex
    first = here.post(room, "once", client_id)
    second = here.post(room, "once", client_id)
    assert first["message"] == second["message"]
    here.post(room, "after")
    there.hears("after")
    assert there.texts() == ["once", "after"]
    (again,) = there.heard("message:changed")  # a browser that holds this rev shows nothing new
    assert again["message"] == there.heard("message:new")[0]["message"]


def test_fifty_quick_posts_are_stored_and_heard_in_the_order_sent(alice, bob, room):
    here, there = alice.tab(), bob.tab()
    wanted = [f"number {i}" for i in range(50)]
    answers = here.ask_at_once(
        "message:post", [{"channel": room, **new_message(text)} for text in wanted]
    )
    assert [answer["message"]["text"] for answer in answers] == wanted
    assert [answer["message"]["seq"] for answer in answers] == list(range(1, 51))
    eventually(lambda: there.texts() == wanted)


def test_edits_and_deletions_are_pushed(alice, bob, room):
    here, there = alice.tab(), bob.tab()
    message = here.post(room, "frist")["message"]
    changed = here.ask("message:edit", id=message["id"], text="first")
    assert changed["ok"]
    assert changed["message"]["edited_at"]
    eventually(lambda: there.heard("message:changed"))
    assert there.heard("message:changed")[0]["message"]["text"] == "first"
    assert here.ask("message:delete", id=message["id"])["ok"]
    eventually(lambda: there.heard("message:deleted"))
    gone = there.heard("message:deleted")[0]
    assert (gone["id"], gone["channel"], gone["seq"]) == (message["id"], room, 1)
    assert "first" not in str(gone)


def test_nobody_edits_or_deletes_messages_of_others(alice, bob, room):
    message = alice.tab().post(room, "mine")["message"]
    tab = bob.tab()
    assert tab.ask("message:edit", id=message["id"], text="yours")["error"] == "forbidden"
    assert tab.ask("message:delete", id=message["id"])["error"] == "forbidden"


def test_an_outsider_hears_nothing_and_learns_nothing(alice, bob, room, new_person):
    outsider = new_person().tab()
    here, there = alice.tab(), bob.tab()
    message = here.post(room, "secret")["message"]
    for event, data in (
        ("message:post", {"channel": room, "text": "hi", "client_id": "c"}),
        ("message:edit", {"id": message["id"], "text": "hi"}),
        ("message:delete", {"id": message["id"]}),
        ("channel:open", {"channel": room, "after": 0}),
        ("channel:read", {"channel": room, "seq": 1}),
        ("typing", {"channel": room}),
    ):
        answer = outsider.ask(event, **data)
        nowhere = {"channel": "5" * 24, "id": "5" * 24}
        missing = outsider.ask(event, **(data | {k: v for k, v in nowhere.items() if k in data}))
        assert answer["error"] == "not_found", event
        assert answer == missing, event
    here.ask("typing", channel=room)
    here.ask("message:edit", id=message["id"], text="secret too")
    eventually(lambda: there.heard("message:changed"))
    heard = [event for event in outsider.events if event[0] not in ("presence", "channel:changed")]
    assert heard == []
    assert room not in str(outsider.events)


def test_a_public_channel_is_heard_once_opened_and_written_only_by_members(alice, bob):
    channel, tab, guest = alice.new_channel()["id"], alice.tab(), bob.tab()
    tab.post(channel, "before")
    answer = guest.ask("channel:open", channel=channel, after=0)
    assert [row["message"]["text"] for row in answer["messages"]] == ["before"]
    tab.post(channel, "after")
    guest.hears("after")
    assert guest.post(channel, "me too")["error"] == "forbidden"


def test_catching_up_gives_new_edited_and_deleted(alice, bob, room):
    here = alice.tab()
    first, second, third = (here.post(room, text)["message"] for text in ("a", "b", "c"))
    opened = bob.tab().ask("channel:open", channel=room, after=0)
    assert [row["message"]["seq"] for row in opened["messages"]] == [1, 2, 3]
    here.ask("message:edit", id=first["id"], text="A")
    here.ask("message:delete", id=second["id"])
    here.post(room, "d")
    missed = bob.tab().ask("channel:open", channel=room, after=3, rev=opened["rev"])
    assert [row["message"]["text"] for row in missed["messages"]] == ["A", "", "d"]
    assert missed["messages"][1]["message"]["deleted"]
    assert not missed["more"]
    again = bob.tab().ask("channel:open", channel=room, after=4, rev=missed["rev"])
    assert again["messages"] == []
    assert again["rev"] == missed["rev"]
    assert third["id"]


def test_reading_is_told_to_ones_own_other_tabs(alice, bob, room, server):
    writer = alice.tab()
    one, other = bob.tab(), bob.tab(server.url)
    writer.post(room, "unread")
    other.hears("unread")
    assert one.ask("channel:read", channel=room, seq=1) == {"ok": True, "unread": 0}
    counted = {"channel": room, "unread": 0, "last_seq": 1}
    eventually(lambda: counted in other.heard("unread"))
    assert writer.heard("unread") == []


def test_typing_reaches_the_others_but_not_the_typist(alice, bob, room):
    here, there = alice.tab(), bob.tab()
    assert here.ask("typing", channel=room)["ok"]
    eventually(lambda: there.heard("typing"))
    who = {"id": alice.id, "nickname": alice.nickname}
    assert there.heard("typing") == [{"channel": room, "user": who}]
    assert here.heard("typing") == []


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("message:post", {}),
        ("message:post", {"channel": {"$ne": 1}, "text": "x", "client_id": "c"}),
        ("message:post", {"channel": "x" * 500, "text": "x", "client_id": "c"}),
        ("message:edit", {"id": 5, "text": "x"}),
        ("channel:open", {"channel": "x", "after": "0"}),
        ("channel:open", {"channel": "x", "after": -1}),
        ("channel:read", {"channel": "x"}),
        ("channel:read", {"channel": "x", "seq": True}),
        ("typing", {"channel": None}),
    ],
)
def test_payloads_of_the_wrong_shape_are_answered(alice, event, data):
    assert alice.tab().ask(event, **data)["error"] == "bad_input"


@pytest.mark.parametrize("payload", ["text", 5, [1], None])
def test_payloads_that_are_no_objects_are_answered(alice, payload):
    answer = alice.tab().socket.call("typing", payload, timeout=SECONDS)
    assert answer["error"] == "bad_input"


def test_what_cannot_be_stored_is_refused_with_the_reason(alice, room):
    answer = alice.tab().post(room, "   ")
    assert answer["error"] == "invalid"
    assert answer["field"] == "text"
    assert answer["detail"]


def test_somebody_added_hears_at_once(alice, bob):
    tab = bob.tab()
    channel = together(alice, bob)["id"]
    alice.tab().post(channel, "welcome")
    tab.hears("welcome")
    assert channel in [data["channel"]["id"] for data in tab.heard("channel:changed")]
