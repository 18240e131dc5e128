"""While one process is cut off, its people are unknown, also after Redis is back."""

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from chat.cache import isolation
from chat.models.outage import Outage
from chat.presence import lease_scripts, online_set
from chat.presence.connections import Holder
from chat.realtime.outgoing import broadcasts
from chat.redis.client import redis
from tests.realtime.in_step import app_without_sockets
from tests.support.servers import IN_PROCESS

ANN, BOB, CAT = "a" * 24, "b" * 24, "c" * 24
OTHER = "another process"


class Said:
    """Stands where the socket server is."""

    def __init__(self) -> None:
        self.words: list[tuple[str, dict[str, Any]]] = []

    def emit(self, event: str, data: dict[str, Any], **to: Any) -> None:
        self.words.append((event, data))

    def taken(self, event: str) -> list[dict[str, Any]]:
        """What was said of this since it was last asked."""
        found = [data for name, data in self.words if name == event]
        self.words = [word for word in self.words if word[0] != event]
        return found


@pytest.fixture
def said(mongod, valkey, monkeypatch) -> Iterator[Said]:
    with app_without_sockets(valkey.url_of(IN_PROCESS), mongod.uri):
        made = Said()
        monkeypatch.setattr(broadcasts.socketio, "server", made)
        yield made
        Outage.over(OTHER)


def look() -> None:
    """What each process does once a second."""
    isolation._outages.look()


def modes(said: Said) -> list[str]:
    return [word["mode"] for word in said.taken("system")]


def come(holder: Holder, who: str) -> None:
    holder.connect(who, f"tab-{who}")
    holder.tick()


def test_redis_is_not_enough_while_another_process_cannot_reach_it(said):
    redis.suspect("the test says so")
    assert modes(said) == ["degraded"]
    Outage.say(OTHER, cut_off=True)
    look()
    assert redis.recover()
    assert set(modes(said)) == {"degraded"}  # browsers go on asking
    Outage.over(OTHER)
    look()
    assert modes(said) == ["normal"]


def test_while_another_process_is_cut_off_the_people_here_are_named_as_not_all(said):
    holder = Holder(broadcasts, lease=600)
    come(holder, ANN)
    come(holder, BOB)
    said.taken("presence")
    Outage.say(OTHER, cut_off=True)
    look()
    assert modes(said) == ["degraded"]
    holder.tick()
    (word,) = said.taken("presence")
    assert (word["online"], word["known"], word.get("seq")) == ([ANN, BOB], False, None)
    holder.tick()
    assert not said.taken("presence")
    # Bob may have a tab there, too: that he has left here is said as what it is.
    holder.disconnect(BOB, f"tab-{BOB}")
    holder.left[BOB] -= holder.grace
    holder.tick()
    assert [(w["offline"], w["known"]) for w in said.taken("presence")] == [([BOB], False)]
    Outage.over(OTHER)
    look()
    assert modes(said) == ["normal"]
    come(holder, CAT)
    assert all("known" not in word for word in said.taken("presence") if "greeting" not in word)
    # Pages have forgotten who is here, so at the next time all are named again.
    Outage.say(OTHER, cut_off=True)
    look()
    holder.tick()
    assert [word["online"] for word in said.taken("presence")] == [[ANN, CAT]]


def test_who_left_while_redis_was_away_is_not_online_for_the_rest_of_a_lease(said):
    holder = Holder(broadcasts, lease=600)
    come(holder, ANN)
    come(holder, BOB)
    redis.run(lease_scripts.BEAT, online_set.everybody.names.leases, [600_000, f"{CAT}|elsewhere"])
    redis.suspect("the test says so")
    holder.disconnect(BOB, f"tab-{BOB}")
    holder.gone[f"{BOB}|tab-{BOB}"] -= holder.grace
    holder.tick()
    assert redis.recover()
    said.taken("presence")
    holder.tick()
    assert not said.taken("presence")
    # What others have to say of their own people comes first.
    assert holder.reap_at > monotonic() + holder.lease / 6
    holder.reap_at = 0
    holder.tick()
    assert [word["offline"] for word in said.taken("presence")] == [[BOB]]


def test_who_left_longer_ago_than_a_lease_lasts_is_not_remembered(said):
    holder = Holder(broadcasts, lease=600)
    come(holder, ANN)
    redis.suspect("the test says so")
    holder.disconnect(ANN, f"tab-{ANN}")
    holder.tick()
    assert holder.gone
    holder.gone = {name: at - 601 for name, at in holder.gone.items()}
    holder.tick()
    assert not holder.gone
