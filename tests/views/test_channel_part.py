"""A channel for a page that is there: the page's own address, asked for with `X-Part`."""

import re

import pytest

PART = {"X-Part": "channel"}


@pytest.fixture
def reader(new_person):
    """Somebody who has joined a channel of their own."""
    person = new_person()
    person.room = person.new_channel()
    person.say(person.room, "hello")
    return person


def test_it_is_the_channel_without_what_surrounds_it(reader):
    path = f"/channels/{reader.room['slug']}"
    whole, part = reader.get(path), reader.get(path, headers=PART)

    assert part.status_code == 200
    for found in ('<main id="channel"', 'id="members"', ">hello<", "<title>"):
        assert found in part.text
        assert found in whole.text
    for around in ('id="sidebar"', "<script", 'name="csrf-token"'):
        assert around not in part.text
        assert around in whole.text
    assert part.headers["X-Edition"] in whole.text


def test_neither_of_the_two_is_ever_taken_for_the_other(reader):
    path = f"/channels/{reader.room['slug']}"

    for answer in (reader.get(path), reader.get(path, headers=PART)):
        assert "X-Part" in re.split(r",\s*", answer.headers["Vary"])
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "ETag" not in answer.headers


def test_asking_for_a_part_is_not_being_there(reader):
    other = reader.new_channel()
    reader.get(f"/channels/{reader.room['slug']}")

    answer = reader.get(f"/channels/{other['slug']}", headers=PART)

    assert "last_channel" not in answer.cookies
    assert reader.get("/", allow_redirects=False).headers["Location"].endswith(reader.room["slug"])


def test_another_account_language_or_log_in_is_another_edition(reader, new_person):
    path = "/dm/" + reader.nickname

    def edition(person):
        return person.get(path, headers=PART).headers["X-Edition"]

    first = edition(reader)
    assert edition(reader) == first
    assert edition(new_person()) != first
    assert edition(reader.again()) != first
    reader.post_form("/settings", status="", locale="ru", theme="system")
    assert edition(reader) != first


def test_what_is_sent_shows_the_whole_page_whatever_is_asked_for(reader):
    path = f"/channels/{reader.room['slug']}/messages"
    data = {"text": "", "client_id": "x", "csrf_token": reader.csrf}
    answer = reader.session.post(reader.url + path, data=data, headers=PART, timeout=30)

    assert answer.status_code == 422
    assert 'id="sidebar"' in answer.text
