"""Channels are found in pages and by name; one sees only what one may see."""

from types import SimpleNamespace
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from chat.models import Channel
from chat.services import directory, messages
from tests.support import masses

ROOMS = 2 * directory.IN_PAGE + 10


@pytest.fixture
def me(app: Flask) -> Any:
    with app.test_request_context():
        mine, other = masses.people(["mia", "Frédérique"])
        made = masses.channels([f"Room {n:03}" for n in range(ROOMS)], other)
        masses.join(made[:3], mine)
        secrets = masses.channels(["a secret of mine", "a secret of others"], other, kind="private")
        masses.join(secrets[:1], mine)
        yield SimpleNamespace(
            id=str(mine), role="member", rooms=[str(cid) for cid in made], person=mine, him=other,
            other=SimpleNamespace(id=str(other), role="member", nickname="Frédérique"),
        )  # fmt: skip


def titles(page: Any) -> list[str]:
    return [view["title"] for view in page.items]


def test_the_pages_together_are_the_whole_list_in_order(me: Any) -> None:
    pages = [directory.find(me, number=number) for number in (1, 2, 3)]
    assert [len(page.items) for page in pages] == [directory.IN_PAGE, directory.IN_PAGE, 11]
    found = [title for page in pages for title in titles(page)]
    assert found == ["a secret of mine", *(f"Room {n:03}" for n in range(ROOMS))]
    assert {page.total for page in pages} == {ROOMS + 1}


@pytest.mark.parametrize(("wanted", "given"), [(0, 1), (-5, 1), (4, 3), (10**15, 3)])
def test_a_page_that_is_not_there_is_the_nearest_one(me: Any, wanted: int, given: int) -> None:
    assert directory.find(me, number=wanted).number == given


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("room 10", [f"Room {n}" for n in range(100, 110)]),
        ("кщщь 107", ["Room 107"]),  # the other keyboard layout
        ("SECRET", ["a secret of mine"]),
        (".*", []),
        ("x" * 80, []),
        ("room\0 107", ["Room 107"]),
    ],
)
def test_a_part_of_the_name_finds_it(me: Any, typed: str, found: list[str]) -> None:
    assert titles(directory.find(me, typed)) == found


def test_what_is_joined_says_so(me: Any) -> None:
    found = directory.find(me, "room 00").items
    assert [view["member"] for view in found[:4]] == [True, True, True, False]


def test_ones_own_unread_channels_are_a_list_of_their_own(me: Any) -> None:
    assert directory.find(me, show=directory.UNREAD).items == []
    for channel in me.rooms[2:4]:  # one's own, and another
        masses.join([ObjectId(channel)], me.him)
        messages.post(me.other, channel, "hello", str(ObjectId()))
    assert titles(directory.find(me, show=directory.UNREAD)) == ["Room 002"]


def test_conversations_are_a_list_of_their_own_and_found_by_the_others_name(me: Any) -> None:
    masses.directs([me.him, *masses.people(["zoe"])], me.person)
    assert titles(directory.find(me, show=directory.DIRECT)) == ["Frédérique", "zoe"]
    assert titles(directory.find(me, "fred", show=directory.DIRECT)) == []
    assert titles(directory.find(me, "éri", show=directory.DIRECT)) == ["Frédérique"]
    assert "zoe" not in titles(directory.find(me, "zoe"))


def test_a_new_name_and_an_archived_channel_are_seen_at_once(me: Any) -> None:
    assert titles(directory.find(me, "room 050")) == ["Room 050"]
    Channel.change(me.rooms[50], set__name="Lounge")
    Channel.change(me.rooms[51], set__archived=True)
    assert titles(directory.find(me, "room 05"))[:2] == ["Room 052", "Room 053"]
    assert titles(directory.find(me, "lounge")) == ["Lounge"]
