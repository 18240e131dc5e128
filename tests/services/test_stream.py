"""Messages in threads have numbers of the channel but are not in its stream.

They leave holes in the numbers of history, tail and catch-up, which go by order alone.
"""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from chat.cache import messages as cache
from chat.cache import unread
from chat.models import Membership, Message, message_change, message_insert
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.services import messages
from tests.cache import stored

SHARES = (100, 0)  # of the traffic that uses the caches


def client_id(where: str, text: str) -> str:
    return f"{where}-{text.replace(' ', '-'):0>4}"


def post(site: SimpleNamespace, text: str) -> dict:
    return messages.post(site.owner, site.channel, text, client_id("stream", text))[0]


def answer(site: SimpleNamespace, text: str, to: dict) -> dict:
    """Stored under the next numbers, outside the stream."""
    who = (site.owner.id, site.owner.nickname)
    return message_insert.post(
        site.channel, *who, text, text, client_id("outside", text), thread=to["id"]
    )[0]


def warm(site: SimpleNamespace) -> None:
    cache.get_recent(site.channel)
    for person in (site.owner, site.other):
        unread.get_reading(person.id)


@pytest.fixture
def talk(site: SimpleNamespace) -> SimpleNamespace:
    """Sixty messages in the stream, each but the last with an answer outside it."""
    warm(site)
    site.stream = [post(site, "0")]
    site.answers = []
    for number in range(1, 60):
        site.answers.append(answer(site, f"{number}", to=site.stream[-1]))
        site.stream.append(post(site, f"{number}"))
    return site


def seqs(found: list[dict]) -> list[int]:
    return [message["seq"] for message in found]


@pytest.mark.parametrize("share", SHARES)
def test_history_is_the_stream_from_its_end_to_its_beginning(
    talk: SimpleNamespace, app: Flask, monkeypatch: pytest.MonkeyPatch, share: int
):
    monkeypatch.setitem(app.config, "ROLLOUT_MESSAGES", share)
    expected = seqs(talk.stream)
    assert seqs(messages.history(talk.other, talk.channel)[0]) == expected[-50:]
    assert messages.newest(talk.other, talk.channel)[2] == talk.stream[-1]["rev"]

    found, more = messages.history(talk.other, talk.channel, limit=7)
    while more:
        page, more = messages.history(talk.other, talk.channel, before=found[0]["seq"], limit=7)
        found = page + found
    assert seqs(found) == expected

    found, more = messages.history(talk.other, talk.channel, after=0, limit=7)
    while more:
        page, more = messages.history(talk.other, talk.channel, after=found[-1]["seq"], limit=7)
        found += page
    assert seqs(found) == expected
    assert stored.wrong() == {}


def test_round_an_answer_are_its_neighbours_in_the_stream(talk: SimpleNamespace):
    around, before, after = messages.around(
        talk.other, talk.channel, talk.answers[20]["seq"], limit=4
    )
    assert seqs(around) == seqs(talk.stream[19:23])
    assert (before, after) == (True, True)


def test_who_catches_up_is_told_of_the_stream_and_gets_to_its_end(talk: SimpleNamespace):
    for start in ({"rev": talk.stream[9]["rev"]}, {"after": talk.stream[9]["seq"]}):
        found, rev, more = [], start.get("rev"), True
        while more:
            page, more = messages.changes(
                talk.other, talk.channel, **(start if not found else {"rev": rev}), limit=9
            )
            found += page
            rev = page[-1]["rev"]
        assert seqs(found) == seqs(talk.stream[10:])
    assert messages.changes(talk.other, talk.channel, rev=rev) == ([], False)


@pytest.mark.parametrize("share", SHARES)
def test_unread_counts_what_the_stream_shows(
    talk: SimpleNamespace, app: Flask, monkeypatch: pytest.MonkeyPatch, share: int
):
    monkeypatch.setitem(app.config, "ROLLOUT_MESSAGES", share)
    last = talk.stream[-1]["seq"]

    def reading(person: Any) -> dict:
        return unread.get_reading(person.id)[talk.channel]

    assert reading(talk.other) == {"last_read_seq": 0, "last_seq": last, "unread": 60}
    assert messages.first_unread(talk.other, talk.channel, 0) == (talk.stream[0], 60)
    answer(talk, "after the end", to=talk.stream[-1])
    assert unread.last_seq(talk.channel) == last
    assert messages.mark_read(talk.other, talk.channel, talk.stream[-4]["seq"]) == 3
    assert messages.mark_read(talk.other, talk.channel, last + 100) == 0
    assert reading(talk.other) == Membership.reading_of(talk.other.id)[talk.channel]
    assert reading(talk.other)["last_read_seq"] == last
    post(talk, "the next one")
    assert reading(talk.other)["unread"] == 1


def test_many_answers_at_the_end_do_not_hide_where_the_stream_ends(site: SimpleNamespace):
    first = post(site, "first")
    warm(site)
    for number in range(210):
        answer(site, f"{number}", to=first)
    for person in (site.owner, site.other):
        assert unread.get_reading(person.id) == Membership.reading_of(person.id)
    assert unread.get_reading(site.other.id)[site.channel]["unread"] == 1
    assert unread.last_seq(site.channel) == first["seq"]
    redis.call(lambda client: client.delete(keys.tail(site.channel)))
    assert unread.last_seq(site.channel) == first["seq"]
    assert messages.mark_read(site.other, site.channel, first["seq"]) == 0
    assert stored.wrong() == {}


def test_an_answer_and_its_changes_leave_the_cached_list_as_it_is(
    site: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    first = post(site, "first")
    warm(site)
    monkeypatch.setattr(Message, "page", lambda *args: pytest.fail("asked MongoDB"))
    said = answer(site, "outside", to=first)
    post(site, "second")
    message_change.change(said, {"$set": {"text": "changed"}})
    post(site, "third")
    assert [m["text"] for m in cache.get_recent(site.channel)] == ["first", "second", "third"]
    monkeypatch.undo()
    assert stored.wrong() == {}
