"""Channels through the pages: addresses, renames, archiving, direct conversations."""

from urllib.parse import quote, unquote

import pytest


def make(person, name, **fields):
    """A new channel by the form; its slug."""
    answer = person.post_form("/channels", name=name, **{"kind": "public", **fields})
    assert answer.status_code == 303, answer.text[:500]
    return unquote(answer.headers["Location"]).rsplit("/", 1)[1]


def view(person, slug):
    """The channel as the API shows it to this person, or None."""
    channels = person.api("GET", "/api/channels").json()["channels"]
    return next((c for c in channels if c["slug"] == slug), None)


@pytest.fixture(scope="module")
def maker(server, owner):
    """Somebody who makes channels."""
    from tests.support.people import Person

    person = Person(server.url).register(owner.invite())
    yield person
    person.close()


def test_a_cyrillic_name_makes_a_cyrillic_address(maker):
    slug = make(maker, "Отпуск и Праздники 2026")

    assert slug == "отпуск-и-праздники-2026"
    page = maker.get(f"/channels/{quote(slug)}")
    assert page.status_code == 200
    assert "Отпуск и Праздники 2026" in page.text


def test_two_channels_of_one_name_have_two_addresses(maker):
    assert make(maker, "Twins") == "twins"
    assert make(maker, "twins") == "twins-2"


def test_a_renamed_channel_keeps_its_old_address(maker, new_person):
    slug = make(maker, "Before")
    answer = maker.post_form(f"/channels/{slug}/settings", name="After", topic="news")
    assert answer.status_code == 303

    assert view(maker, "after")["topic"] == "news"
    old = new_person().get(f"/channels/{slug}")
    assert old.status_code == 200
    assert "After" in old.text


@pytest.mark.parametrize("name", ["", "   ", "!!!", "x" * 81, "a\u202eb"])
def test_a_name_that_makes_no_address_is_refused_and_kept(maker, name):
    answer = maker.post_form("/channels", name=name, topic="my topic", kind="public")
    assert answer.status_code == 422
    assert "my topic" in answer.text


def test_an_archived_channel_takes_no_message_until_it_is_opened_again(maker, new_person):
    slug = make(maker, "Done")
    post = lambda: maker.post_form(  # noqa: E731
        f"/channels/{slug}/messages", text="hello", client_id=f"archive-{slug}-0001"
    )
    assert maker.post_form(f"/channels/{slug}/archive", archived="1").status_code == 303

    assert post().status_code == 409
    assert view(new_person(), slug) is None

    assert maker.post_form(f"/channels/{slug}/archive", archived="0").status_code == 303
    assert post().status_code == 303


def test_a_member_who_did_not_make_the_channel_cannot_archive_it(maker, new_person):
    slug = make(maker, "Not yours")
    other = new_person()
    other.post_form(f"/channels/{slug}/join")

    assert other.post_form(f"/channels/{slug}/archive", archived="1").status_code == 403
    assert view(maker, slug)["member"]


def test_a_private_channel_is_in_no_list_of_others_and_its_address_is_taken_all_the_same(
    maker, new_person
):
    slug = make(maker, "Hidden plans", kind="private")
    outsider = new_person()

    assert view(outsider, slug) is None
    assert outsider.get(f"/channels/{slug}").status_code == 404
    assert "Hidden plans" not in outsider.get("/channels").text
    assert make(outsider, "Hidden plans", kind="private") == "hidden-plans-2"


def test_a_direct_conversation_is_found_by_nickname_from_both_sides(maker, new_person):
    other = new_person(nickname="Олеся.К")
    assert maker.get(f"/dm/{quote(other.nickname)}").status_code == 200
    sent = {"text": "Привет", "client_id": "first-words-0001"}
    assert maker.post_form(f"/dm/{quote(other.nickname)}", **sent).status_code == 303

    mine = [c for c in maker.api("GET", "/api/channels").json()["channels"]
            if c["kind"] == "direct"]  # fmt: skip
    theirs = [c for c in other.api("GET", "/api/channels").json()["channels"]
              if c["kind"] == "direct"]  # fmt: skip
    assert [c["id"] for c in theirs] == [c["id"] for c in mine if c["id"] == theirs[0]["id"]]
    assert "Привет" in other.get(f"/dm/{quote(maker.nickname)}").text
    assert maker.get("/dm/nobody-like-that").status_code == 404


def test_up_to_eight_people_talk_directly_and_nobody_else_sees_it(maker, new_person):
    people = [new_person() for _ in range(8)]
    ids = [person.id for person in people]

    group = maker.api("POST", "/api/directs", {"users": ids[:7]})
    assert group.status_code in (200, 201)
    assert maker.api("POST", "/api/directs", {"users": ids}).status_code == 400

    channel = group.json()["id"]
    assert people[0].api("GET", f"/api/channels/{channel}/messages").status_code == 200
    assert people[7].api("GET", f"/api/channels/{channel}/messages").status_code == 404
