"""A channel's page describes the channel rightly, and says each thing once."""

import re
from html import unescape

import pytest

from tests.support.people import Person


def page(person, channel: dict) -> str:
    """The page of a channel, without what else is in the sidebar."""
    answer = person.get(f"/channels/{channel['slug']}")
    assert answer.status_code == 200
    return unescape(answer.text[answer.text.index("<main") :])


@pytest.mark.parametrize("kind", ["public", "private"])
def test_a_channel_has_one_mark_a_lock_or_a_sign(new_person, kind):
    person = new_person()
    channel = person.new_channel(kind)
    text = page(person, channel)
    title = unescape(person.get(f"/channels/{channel['slug']}").text.split("<title>")[1])
    marked = f"#{channel['name']}"
    private = kind == "private"
    assert (marked in text, marked in title.split("</title>")[0]) == (not private, not private)
    assert ('#lock"' in text) == private
    settings = unescape(person.get(f"/channels/{channel['slug']}/settings").text)
    assert (f"Settings for {marked}" in settings) == (not private)
    assert (f"Settings for {channel['name']}" in settings) == private


def test_a_group_is_not_told_of_two_sides(new_person):
    people = [new_person() for _ in range(3)]
    ids = [person.id for person in people[1:]]
    channel = people[0].post("/api/directs", {"users": ids}).json()
    text = page(people[0], channel)
    assert "Only the people in it can read it." in text
    assert "two" not in re.findall(r'class="beginning">(.*?)</div>', text, re.DOTALL)[0]


def test_a_conversation_with_oneself_is_for_notes(new_person):
    person = new_person()
    channel = person.post("/api/directs", {"users": [person.id]}).json()
    assert "Only you can read it." in page(person, channel)


def test_a_new_channel_does_not_ask_to_invite_the_team(owner, new_person):
    for person in (owner, new_person(role="admin"), new_person()):
        assert "invite-url" not in page(person, person.new_channel())


def test_the_team_is_invited_where_it_begins_by_who_may_invite(launch_app):
    app = launch_app()
    founder = Person(app.url).set_up()
    first = founder.get("/api/channels").json()["channels"][0]
    second = founder.new_channel()
    assert "invite-url" in page(founder, first)
    assert "invite-url" not in page(founder, second)
    member = Person(app.url).register(founder.invite())
    assert "invite-url" not in page(member, first)
    founder.close()
    member.close()


def test_how_long_a_link_works_is_said_as_it_is(owner):
    text = unescape(owner.get("/admin").text)
    section = text[text.index('id="invites"') : text.index('id="people"')]
    assert "week" not in section
    assert "A new link works for 7 days." in section
