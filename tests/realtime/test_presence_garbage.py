"""What is no lease, no person, no number and no change is taken out of presence where it is met."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chat.presence import online_set
from chat.presence.connections import Holder
from chat.redis.client import redis
from chat.redis_schema import keys
from tests.realtime.in_step import Emitted, app_without_sockets, last_number, process, watch
from tests.realtime.test_presence_numbers import ANN, BOB, come, elsewhere_comes, shown
from tests.support.servers import IN_PROCESS
from tests.support.waiting import eventually

CONNS, COUNT, SEQ, LOG = online_set.everybody.names.leases
TURN = keys.presence("recounted")
MEMBERS = ("", "nonsense", "|", "|x", "abc|def", f"{ANN}x|y", ANN)
SCORES = (float("inf"), float("-inf"), 1e16, -1.0, 0.0)


@pytest.fixture
def emitted(mongod, valkey, monkeypatch) -> Iterator[Emitted]:
    with app_without_sockets(valkey.url_of(IN_PROCESS), mongod.uri):
        yield watch(monkeypatch)


def do(fn: Callable[[Any], Any]) -> Any:
    return redis.call(fn)


def everything_is_due(holder: Holder) -> None:
    """The test's app raises what a script complains of."""
    holder.beat_at = holder.reap_at = holder.recount_at = holder.keep_at = 0
    holder.tick()


@pytest.mark.parametrize("score", SCORES)
def test_leases_of_nobody_are_removed_and_nobody_is_announced_for_them(emitted, score):
    holder = process()
    come(holder, ANN)
    do(lambda client: client.zadd(CONNS, dict.fromkeys(MEMBERS, score)))
    do(lambda client: client.delete(TURN))
    everything_is_due(holder)
    assert do(lambda client: client.zrange(CONNS, 0, -1)) == [f"{ANN}|tab-{ANN}"]
    assert do(lambda client: client.hgetall(COUNT)) == {ANN: "1"}
    assert not emitted.gone
    assert shown() == {ANN}


def test_a_turn_that_nobody_took_ends(emitted):
    holder = process()
    do(lambda client: client.rpush(TURN, "x"))
    everything_is_due(holder)
    assert do(lambda client: client.ttl(TURN)) > 0


@pytest.mark.parametrize("entry", ["nonsense", "", "+", "5+", "5+abc", "x-" + ANN, f"5+{ANN} "])
@pytest.mark.parametrize("score", [1e16, float("inf")])
def test_a_change_that_is_none_ends_the_memory_of_changes_and_no_more(emitted, entry, score):
    holder = process()
    come(holder, ANN)
    do(lambda client: client.zadd(LOG, {entry: score}))
    elsewhere_comes(BOB)
    everything_is_due(holder)
    assert shown() == {ANN, BOB}
    assert entry not in do(lambda client: client.zrange(LOG, 0, -1))


@pytest.mark.parametrize("text", ["", "x", "5", "-7", "1_000", "1e309", " 7", str(2**63 - 1)])
@pytest.mark.parametrize("key", [SEQ, keys.online_seq()])
def test_a_number_that_is_none_is_replaced_by_one_beyond_all_that_were_known(emitted, text, key):
    holder = process()
    come(holder, ANN)
    before = last_number()
    do(lambda client: client.set(key, text))
    elsewhere_comes(BOB)
    for _ in range(3):
        everything_is_due(holder)
    assert online_set.everybody.who().people == shown() == {ANN, BOB}
    assert last_number() > before


def test_people_who_are_none_are_counted_again(emitted):
    holder = process()
    come(holder, ANN)
    do(lambda client: client.hset(COUNT, "nobody", 1))
    do(lambda client: client.delete(keys.online(), keys.online_seq()))

    def is_mended() -> bool:
        everything_is_due(holder)
        return do(lambda client: client.hgetall(COUNT)) == {ANN: "1"}

    eventually(is_mended)
    everything_is_due(holder)
    assert online_set.everybody.who().people == shown() == {ANN}


def test_a_set_with_others_in_it_is_written_again(emitted):
    holder = process()
    come(holder, ANN)
    do(lambda client: client.sadd(keys.online(), "nobody"))
    assert not online_set.everybody.read()
    everything_is_due(holder)
    assert shown() == {ANN}
