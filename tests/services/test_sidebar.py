"""The sidebar lists what one person can use; nothing unread is hidden."""

from types import SimpleNamespace
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from chat.models import Channel
from chat.services import messages, sidebar
from tests.support import masses

MANY = sidebar.LINKS + 20


@pytest.fixture
def me(app: Flask) -> Any:
    """Somebody in many channels, in none of which anything was said."""
    with app.test_request_context():
        mine, other = masses.people(["mia", "otto"])
        made = masses.channels([f"room {n:03}" for n in range(MANY)], other)
        for person in (mine, other):
            masses.join(made, person)
        yield SimpleNamespace(
            id=str(mine), role="member", rooms=[str(cid) for cid in made], person=mine,
            other=SimpleNamespace(id=str(other), role="member", nickname="otto"),
        )  # fmt: skip


def say(me: Any, channel: str) -> None:
    messages.post(me.other, channel, "hello", str(ObjectId()))


def ids(listed: sidebar.Listed) -> set[str]:
    return {view["id"] for view in listed.views}


def test_many_channels_are_listed_in_part_and_the_others_counted(me: Any) -> None:
    found = sidebar.of(me)
    assert len(found.named.views) == sidebar.LINKS
    assert (found.named.more, found.named.more_unread) == (MANY - sidebar.LINKS, 0)
    titles = [view["title"] for view in found.named.views]
    assert titles == sorted(titles)


def test_a_few_channels_are_all_listed(app: Flask) -> None:
    with app.test_request_context():
        [mine] = masses.people(["mia"])
        masses.join(masses.channels(map(str, range(sidebar.LINKS)), mine), mine)
        found = sidebar.of(SimpleNamespace(id=str(mine), role="member"))
        assert (len(found.named.views), found.named.more) == (sidebar.LINKS, 0)


def test_what_is_unread_is_listed_wherever_its_name_is_in_the_alphabet(me: Any) -> None:
    unread = me.rooms[-3:]
    for channel in unread:
        say(me, channel)
    found = sidebar.of(me)
    assert set(unread) <= ids(found.named)
    assert [view["unread"] for view in found.named.views if view["id"] in unread] == [1, 1, 1]
    assert sum(found.unread.values()) == 3


def test_the_current_channel_and_the_ones_used_last_are_listed(me: Any) -> None:
    current, *recent = me.rooms[-4:]
    for used in (recent, [*recent, current]):
        assert {current, *recent} <= ids(sidebar.of(me, current, used).named)
    assert not {current, *recent} & ids(sidebar.of(me).named)


def test_all_that_is_unread_is_listed_even_beyond_the_usual_number(me: Any) -> None:
    for channel in me.rooms[10:]:
        say(me, channel)
    found = sidebar.of(me, current=me.rooms[0], recent=me.rooms[1:10])
    assert ids(found.named) == {me.rooms[0], *me.rooms[10:]}
    assert (found.named.more, found.named.more_unread) == (9, 0)


def test_unread_channels_beyond_all_bounds_are_counted(me: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(sidebar, "MOST_LINKS", sidebar.LINKS + 2)
    for channel in me.rooms:
        say(me, channel)
    found = sidebar.of(me)
    assert len(found.named.views) == sidebar.LINKS + 2
    assert found.named.more_unread == found.named.more == MANY - sidebar.LINKS - 2


def test_conversations_are_bounded_likewise(me: Any) -> None:
    others = masses.people([f"person-{n}" for n in range(MANY)])
    made = [str(cid) for cid in masses.directs(others, me.person)]
    spoken = made[0]
    messages.post(SimpleNamespace(id=str(others[0]), role="member", nickname="person-0"), spoken,
                  "hello", str(ObjectId()))  # fmt: skip
    found = sidebar.of(me)
    assert len(found.directs.views) == sidebar.LINKS
    assert found.directs.more == MANY - sidebar.LINKS
    assert spoken in ids(found.directs)
    assert next(v["title"] for v in found.directs.views if v["id"] == spoken) == "person-0"


def test_an_archived_channel_is_not_listed_nor_counted(me: Any) -> None:
    Channel.change(me.rooms[0], set__archived=True)
    assert sidebar.of(me).named.more == MANY - 1 - sidebar.LINKS


def test_the_channel_used_last_is_the_one_to_come_back_to(me: Any) -> None:
    strange = str(ObjectId())
    assert sidebar.last_used(me, [strange, me.rooms[7], me.rooms[3]])["id"] == me.rooms[7]
    assert sidebar.last_used(me, ["", "nonsense"])["title"] == "room 000"
    assert sidebar.last_used(SimpleNamespace(id=strange, role="member"), []) is None
