"""Writing to a deactivated person is refused in advance, and the typed text is kept."""

from uuid import uuid4

import pytest


@pytest.fixture
def gone(new_person, owner):
    """Somebody who is deactivated when the test says so."""
    person = new_person()
    person.go = lambda: owner.post_form(f"/admin/people/{person.id}/deactivate")
    person.come = lambda: owner.post_form(f"/admin/people/{person.id}/reactivate")
    return person


def direct(person, other, text="hello"):
    """A direct conversation in which something was said."""
    channel = person.post("/api/directs", {"users": [other.id]}).json()
    person.say(channel, text)
    return channel


def test_a_conversation_with_somebody_deactivated_is_read_but_not_written(new_person, gone):
    person = new_person()
    channel = direct(person, gone)
    tab = person.tab()
    gone.go()
    page = person.get(f"/dm/{gone.nickname}")
    assert page.status_code == 200
    assert "hello" in page.text
    assert "deactivated" in page.text
    assert 'id="composer"' not in page.text

    body = {"text": "too late", "client_id": uuid4().hex}
    refused = person.post(f"/api/channels/{channel['id']}/messages", body)
    assert refused.status_code == 409
    assert tab.ask("message:post", channel=channel["id"], **body)["error"] == "conflict"
    form = person.post_form(f"/dm/{gone.nickname}", **body)
    assert form.status_code == 409
    assert "too late" in form.text

    gone.come()
    assert person.post_form(f"/dm/{gone.nickname}", **body).status_code == 303
    assert 'id="composer"' in person.get(f"/dm/{gone.nickname}").text


def test_a_first_message_to_somebody_deactivated_is_refused_and_not_lost(new_person, gone):
    person = new_person()
    gone.go()
    page = person.get(f"/dm/{gone.nickname}")
    assert page.status_code == 200
    assert "deactivated" in page.text
    assert 'id="composer"' not in page.text
    form = person.post_form(f"/dm/{gone.nickname}", text="a first word", client_id=uuid4().hex)
    assert form.status_code == 409
    assert "a first word" in form.text
    assert person.post("/api/directs", {"users": [gone.id]}).status_code == 409


def test_a_group_goes_on_as_long_as_somebody_else_is_there(new_person, gone):
    person, third = new_person(), new_person()
    group = person.post("/api/directs", {"users": [gone.id, third.id]}).json()
    gone.go()
    assert person.say(group, "still two of us")["text"] == "still two of us"
    alone = person.post("/api/directs", {"users": [person.id]}).json()
    assert person.say(alone, "a note to myself")["seq"] == 1


def test_an_edit_of_a_message_that_was_deleted_meanwhile_stands_in_the_composer(new_person, owner):
    person = new_person()
    channel = person.new_channel()
    message = person.say(channel, "before")
    assert person.get(f"/messages/{message['id']}/edit").status_code == 200
    assert person.delete(f"/api/messages/{message['id']}").status_code == 204
    path = f"/channels/{channel['slug']}/messages/{message['id']}/edit"
    refused = person.post_form(path, text="a text that took long")
    assert refused.status_code == 409
    assert "deleted in the meantime" in refused.text
    assert "a text that took long</textarea>" in refused.text
    assert 'id="composer"' in refused.text

    outsider = owner
    lost = outsider.post_form(path, text="kept as well")
    assert lost.status_code == 404
    assert "kept as well" in lost.text
