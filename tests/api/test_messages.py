"""Messages over HTTP: post once, edit, delete, read history by pages."""

import json

from tests.api.conftest import problem
from tests.support.people import Person, new_message


def test_a_message_is_stored_once_however_often_it_is_sent(alice: Person) -> None:
    channel = alice.new_channel()
    body = new_message("**hello**")
    first = alice.post(f"/api/channels/{channel['id']}/messages", body)
    again = alice.post(f"/api/channels/{channel['id']}/messages", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["html"] == "<p><strong>hello</strong></p>"
    assert len(history(alice, channel)["messages"]) == 1


def test_a_message_shows_the_agreed_fields_and_no_others(alice: Person) -> None:
    message = alice.say(alice.new_channel(), "hello")
    assert set(message) == {
        "id", "seq", "rev", "channel", "author", "text", "html", "created_at", "edited_at",
        "deleted", "client_id", "reactions",
    }  # fmt: skip
    assert set(message["author"]) == {"id", "nickname"}


def test_history_is_read_backwards_and_forwards_without_gaps(alice: Person) -> None:
    channel = alice.new_channel()
    posted = [alice.say(channel, f"number {n}")["seq"] for n in range(1, 8)]
    newest = history(alice, channel, limit=3)
    assert [m["seq"] for m in newest["messages"]] == posted[4:]
    assert newest["more"]
    older = history(alice, channel, limit=10, before=posted[4])
    assert [m["seq"] for m in older["messages"]] == posted[:4]
    assert not older["more"]
    newer = history(alice, channel, limit=2, after=posted[0])
    assert [m["seq"] for m in newer["messages"]] == posted[1:3]
    assert newer["more"]


def test_around_shows_a_message_in_its_context(alice: Person) -> None:
    channel = alice.new_channel()
    posted = [alice.say(channel, f"number {n}")["seq"] for n in range(1, 8)]
    path = f"/api/channels/{channel['id']}/messages/around"
    found = alice.get(f"{path}?seq={posted[3]}&limit=4").json()
    assert posted[3] in [m["seq"] for m in found["messages"]]
    assert found["more_before"]
    assert found["more_after"]


def test_the_author_edits_and_nobody_else(alice: Person, bob: Person, moderator: Person) -> None:
    channel = alice.new_channel()
    message = alice.say(channel, "before")
    for other in (bob, moderator):
        other.post(f"/api/channels/{channel['id']}/join")
        refused = other.patch(f"/api/messages/{message['id']}", {"text": "mine"})
        assert problem(refused) == (403, "forbidden")
    edited = alice.patch(f"/api/messages/{message['id']}", {"text": "*after*"})
    assert edited.status_code == 200
    assert edited.json()["html"] == "<p><em>after</em></p>"
    assert edited.json()["edited_at"]
    assert edited.json()["rev"] > message["rev"]
    assert edited.json()["seq"] == message["seq"]


def test_the_author_and_moderators_delete_and_nobody_else(
    alice: Person, bob: Person, moderator: Person
) -> None:
    channel = alice.new_channel()
    first, second = alice.say(channel, "one"), alice.say(channel, "two")
    assert problem(bob.delete(f"/api/messages/{first['id']}")) == (403, "forbidden")
    assert alice.delete(f"/api/messages/{first['id']}").status_code == 204
    assert moderator.delete(f"/api/messages/{second['id']}").status_code == 204
    shown = history(alice, channel)["messages"]
    assert [(m["text"], m["html"], m["deleted"]) for m in shown] == [("", "", True)] * 2
    assert problem(alice.patch(f"/api/messages/{first['id']}", {"text": "x"})) == (404, "not_found")


def test_reading_up_to_a_message_clears_the_unread_count(alice: Person, bob: Person) -> None:
    channel = alice.new_channel()
    bob.post(f"/api/channels/{channel['id']}/join")
    last = [alice.say(channel, f"number {n}")["seq"] for n in range(3)][-1]
    assert bob.get(f"/api/channels/{channel['id']}").json()["unread"] == 3
    assert bob.post(f"/api/channels/{channel['id']}/read", {"seq": last}).status_code == 204
    assert bob.get(f"/api/channels/{channel['id']}").json()["unread"] == 0


def test_only_members_post(alice: Person, bob: Person) -> None:
    channel = alice.new_channel()
    refused = bob.post(f"/api/channels/{channel['id']}/messages", new_message("hi"))
    assert problem(refused) == (403, "forbidden")


def test_a_text_that_is_empty_or_too_long_is_refused_with_the_reason(alice: Person) -> None:
    channel = alice.new_channel()
    for text in ("", "   \n", "x" * 8001):
        refused = alice.post(f"/api/channels/{channel['id']}/messages", new_message(text))
        assert problem(refused) == (422, "invalid")
        assert refused.json()["field"] == "text"
    assert alice.say(channel, "x" * 8000)["text"] == "x" * 8000


def history(api: Person, channel: dict, **query: int) -> dict:
    return api.get(f"/api/channels/{channel['id']}/messages", params=query).json()


def test_a_person_removed_during_a_post_cannot_post(alice: Person, bob: Person) -> None:
    channel = alice.new_channel(kind="private")
    assert alice.post(f"/api/channels/{channel['id']}/people/{bob.id}").ok
    path = f"/api/channels/{channel['id']}/messages"
    bob.say(channel, "may I?")  # from now on the process knows whose session it is
    body = json.dumps(new_message("I may not"))
    with bob.sends_slowly("POST", path, body) as rest:
        assert alice.delete(f"/api/channels/{channel['id']}/people/{bob.id}").ok
        assert rest().startswith("HTTP/1.1 404")
    assert [m["text"] for m in history(alice, channel)["messages"]] == ["may I?"]


def test_one_message_is_answered_by_its_id_until_it_is_deleted(alice: Person) -> None:
    message = alice.say(alice.new_channel(), "one **message**")
    path = f"/api/messages/{message['id']}"
    assert alice.get(path).json() == message
    assert alice.delete(path).status_code == 204
    assert alice.get(path).status_code == 404
