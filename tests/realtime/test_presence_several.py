"""There can be several sets of people with their own leases, independent of each other."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import current_app

from chat import presence
from chat.presence.connections import Holder
from chat.presence.online_set import Names, OnlineSet, Picture, everybody
from chat.redis.client import redis
from tests.realtime.in_step import app_without_sockets
from tests.support.servers import IN_PROCESS

ANN, BOB = "a" * 24, "b" * 24
ROOM = OnlineSet(
    Names(
        [f"{{room}}:{part}" for part in ("conns", "count", "seq", "log")],
        "{room}:recounted",
        "tried:room",
        "v:{tried:room}",
    )
)


class Told:
    """An audience that remembers who came and who went."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.went: list[str] = []

    def presence_changed(self, online: Any, offline: Any, local: bool = False, **_: Any) -> None:
        self.came += online
        self.went += offline

    def presence_greeting(self, *_: Any, **__: Any) -> None:
        """Nothing that these tests ask about."""


@pytest.fixture(autouse=True)
def own_app(mongod: Any, valkey: Any) -> Iterator[None]:
    with app_without_sockets(valkey.url_of(IN_PROCESS), mongod.uri):
        yield
        redis.call(lambda client: client.delete(*ROOM.names.leases, *ROOM.names[1:]))


@pytest.fixture
def room() -> Holder:
    """Another set that this process keeps, with Bob in it."""
    made = Holder(Told(), lease=600, people=ROOM)
    presence.keep(made)
    made.connect(BOB, "seat")
    made.tick()
    return made


def held(of: OnlineSet) -> tuple[list[str], dict[str, str]]:
    """The leases of a set, and whom it counts."""
    conns, count = of.names.leases[:2]
    return redis.call(lambda client: (client.zrange(conns, 0, -1), client.hgetall(count)))


def people(of: OnlineSet) -> set[str]:
    found = of.fill(30)
    assert isinstance(found, Picture)
    return set(found.people)


def test_who_is_in_one_set_is_not_in_the_other() -> None:
    told, told_of_the_room = Told(), Told()
    site, room = Holder(told, lease=600), Holder(told_of_the_room, lease=600, people=ROOM)
    site.connect(ANN, "tab")
    site.connect(BOB, "other tab")
    room.connect(BOB, "seat")
    for holder in (site, room):
        holder.tick()
    assert people(everybody) == {ANN, BOB}
    assert people(ROOM) == {BOB}
    assert (sorted(told.came), told_of_the_room.came) == ([ANN, BOB], [BOB])


def test_who_leaves_one_set_stays_in_the_other() -> None:
    told = Told()
    site, room = Holder(Told(), lease=600), Holder(told, lease=600, people=ROOM)
    for holder in (site, room):
        holder.connect(ANN, "tab")
        holder.tick()
    room.disconnect(ANN, "tab")
    room.gone = {name: at - room.grace for name, at in room.gone.items()}
    room.tick()
    room.reap_at = 0
    room.tick()
    assert told.went == [ANN]
    assert (people(everybody), people(ROOM)) == ({ANN}, set())


def test_a_recovery_brings_back_the_leases_of_every_set(room: Holder) -> None:
    redis.call(lambda client: client.delete(*ROOM.names.leases))
    redis.suspect("the line was cut")
    assert redis.recover()
    assert held(ROOM) == ([f"{BOB}|seat"], {BOB: "1"})
    assert people(ROOM) == {BOB}


@pytest.mark.parametrize("left", [{"nobody": "3"}, {BOB: "x"}, {BOB: "1.0"}, {ANN: "1"}, {}])
def test_a_recovery_counts_every_set_again_after_garbage(room: Holder, left: dict) -> None:
    count = ROOM.names.counts
    redis.call(lambda client: client.delete(count))
    if left:
        redis.call(lambda client: client.hset(count, mapping=left))
    redis.call(lambda client: client.set(ROOM.names.seq, "x"))
    redis.distrust("garbage")
    assert redis.recover()
    assert held(ROOM) == ([f"{BOB}|seat"], {BOB: "1"})
    room.connect(ANN, "another seat")
    room.tick()
    assert people(ROOM) == {ANN, BOB}


def test_a_stop_shortens_the_leases_of_every_set(room: Holder) -> None:
    def end() -> float:
        return redis.call(lambda client: client.zscore(ROOM.names.leases[0], f"{BOB}|seat"))

    before = end()
    presence.stop(current_app._get_current_object())
    assert end() < before - 500_000
