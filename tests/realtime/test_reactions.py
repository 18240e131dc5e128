"""Reactions: permissions, what is shown, and many reactions at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from chat.models.reaction import MOST_KINDS
from tests.conftest import NewPerson
from tests.support.people import Person
from tests.support.processes import AppProcess
from tests.support.waiting import eventually

PARTY, THUMB = "🎉", "👍"
KINDS = "🍎🍐🍊🍋🍌🍉🍇🍓🫐🍈🍒🍑🥭🍍🥥🥝🍅🍆🥑🥦🥬"


def react(person: Person, message: dict, emoji: str, method: str = "PUT") -> requests.Response:
    path = f"{person.url}/api/messages/{message['id']}/reactions/{emoji}"
    return person.session.request(method, path, headers={"X-CSRFToken": person.csrf}, timeout=30)


def shown(person: Person, channel: dict) -> list[dict]:
    """The reactions of the newest message as the person reads it."""
    history = person.get(f"/api/channels/{channel['id']}/messages").json()["messages"]
    return list(history[-1]["reactions"])


def joined(person: Person, channel: dict) -> Person:
    assert person.post(f"/api/channels/{channel['id']}/join").status_code == 204
    return person


def test_a_reaction_is_shown_to_everybody_and_told_by_event(new_person: NewPerson) -> None:
    alice, bob = new_person(), new_person()
    channel = alice.new_channel()
    joined(bob, channel)
    tab = alice.tab()
    message = alice.say(channel, "hello")
    expected = [{"emoji": PARTY, "count": 1, "users": [bob.id]}]
    answer = react(bob, message, PARTY)
    assert (answer.status_code, answer.json()["reactions"]) == (200, expected)
    assert answer.json()["rev"] > message["rev"]
    assert shown(alice, channel) == expected
    eventually(lambda: tab.heard("message:changed"))
    (changed,) = tab.heard("message:changed")
    assert changed["message"]["reactions"] == expected
    assert PARTY in alice.get(f"/channels/{channel['slug']}").text


def test_reactions_are_part_of_the_catch_up(new_person: NewPerson) -> None:
    alice = new_person()
    channel = alice.new_channel()
    message = alice.say(channel, "hello")
    react(alice, message, PARTY)
    missed = alice.tab().ask("channel:open", channel=channel["id"], rev=message["rev"])
    assert [each["message"]["reactions"][0]["emoji"] for each in missed["messages"]] == [PARTY]


def test_the_same_again_changes_nothing_and_what_is_taken_back_is_gone(
    new_person: NewPerson,
) -> None:
    alice = new_person()
    message = alice.say(channel := alice.new_channel(), "hello")
    once = react(alice, message, PARTY).json()
    assert react(alice, message, PARTY).json() == once
    assert react(alice, message, THUMB, "DELETE").json() == once
    assert react(alice, message, PARTY, "DELETE").json()["reactions"] == []
    assert shown(alice, channel) == []


@pytest.mark.parametrize("nonsense", ["x", "1", f"{PARTY}{PARTY}", "©", PARTY * 100])
def test_a_reaction_is_exactly_one_emoji(new_person: NewPerson, nonsense: str) -> None:
    alice = new_person()
    message = alice.say(alice.new_channel(), "hello")
    answer = react(alice, message, nonsense)
    assert (answer.status_code, answer.json()["field"]) == (422, "emoji")


def test_a_message_has_so_many_kinds_at_most(new_person: NewPerson) -> None:
    alice, bob = new_person(), new_person()
    channel = alice.new_channel()
    joined(bob, channel)
    message = alice.say(channel, "hello")
    for emoji in KINDS[:MOST_KINDS]:
        assert react(alice, message, emoji).status_code == 200
    assert react(alice, message, KINDS[MOST_KINDS]).status_code == 409
    assert react(bob, message, KINDS[0]).status_code == 200  # one that is there already


def test_a_deleted_message_has_no_reactions(new_person: NewPerson) -> None:
    alice = new_person()
    message = alice.say(channel := alice.new_channel(), "hello")
    react(alice, message, PARTY)
    assert alice.delete(f"/api/messages/{message['id']}").status_code == 204
    assert shown(alice, channel) == []
    assert react(alice, message, PARTY).status_code in (404, 409)


def test_of_many_who_react_at_once_at_two_processes_none_is_lost(
    new_person: NewPerson, beside: AppProcess
) -> None:
    people = [new_person() for _ in range(6)]
    channel = people[0].new_channel()
    for person in people[1:]:
        joined(person, channel)
    message = people[0].say(channel, "hello")
    places = [each for person in people for each in (person, person.at(beside.url))]
    signs = [PARTY, THUMB] * len(people)
    with ThreadPoolExecutor(len(places)) as pool:
        answers = list(pool.map(react, places, [message] * len(places), signs))
    assert {answer.status_code for answer in answers} == {200}
    found = {each["emoji"]: set(each["users"]) for each in shown(people[0], channel)}
    assert found == {sign: {person.id for person in people} for sign in (PARTY, THUMB)}
