"""Invalid leases, people, numbers and changes are removed from presence."""

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
def test_an_invalid_change_clears_the_list_of_changes_only(emitted, entry, score):
    holder = process()
    come(holder, ANN)
    do(lambda client: client.zadd(LOG, {entry: score}))
    elsewhere_comes(BOB)
    everything_is_due(holder)
    assert shown() == {ANN, BOB}
    assert entry not in do(lambda client: client.zrange(LOG, 0, -1))


@pytest.mark.parametrize("text", ["", "x", "5", "-7", "1_000", "1e309", " 7", str(2**63 - 1)])
@pytest.mark.parametrize("key", [SEQ, keys.online_seq()])
def test_an_invalid_number_is_replaced_by_one_greater_than_all_known(emitted, text, key):
    holder = process()
    come(holder, ANN)
    before = last_number()
    do(lambda client: client.set(key, text))
    elsewhere_comes(BOB)
    for _ in range(3):
        everything_is_due(holder)
    assert online_set.everybody.who().people == shown() == {ANN, BOB}
    assert last_number() > before


def test_invalid_counts_of_people_are_computed_again(emitted):
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


@pytest.mark.parametrize("text", ["", "x", "5"])
def test_a_set_without_a_number_is_none(emitted, text):
    holder = process()
    come(holder, ANN)
    do(lambda client: client.set(keys.online_seq(), text))
    assert not online_set.everybody.read()
    assert online_set.everybody.fill(30).people == shown() == {ANN}


LOST: list[dict[str, str]] = [{}, {"nobody": "3"}, {BOB: "1"}]


def lose_the_counts(left: dict[str, str]) -> None:
    do(lambda client: client.delete(COUNT))
    if left:
        do(lambda client: client.hset(COUNT, mapping=left))


@pytest.mark.parametrize("left", LOST)
def test_who_has_a_second_tab_for_a_moment_is_not_gone_where_the_counts_were_lost(emitted, left):
    holder = process()
    come(holder, ANN)
    everything_is_due(holder)  # the minute's count has been
    lose_the_counts(left)
    come(holder, ANN, tab="second")
    holder.disconnect(ANN, f"second-{ANN}")
    holder.tick()
    do(lambda client: client.zadd(CONNS, {f"{ANN}|second-{ANN}": 1}, xx=True))
    holder.reap_at = 0
    holder.tick()
    assert ANN not in emitted.gone
    assert shown() == {ANN}
    assert do(lambda client: client.hgetall(COUNT)) == {ANN: "1"}


@pytest.mark.parametrize("left", LOST)
def test_lost_counts_are_counted_again_when_leases_are_renewed(emitted, left):
    holder = process()
    come(holder, ANN)
    lose_the_counts(left)
    holder.beat_at = 0
    holder.tick()
    assert do(lambda client: client.hgetall(COUNT)) == {ANN: "1"}
    assert (online_set.everybody.who().people, emitted.gone) == ({ANN}, [])


def test_where_leases_are_and_counts_are_not_everybody_is_still_there(emitted):
    come(process(), ANN)
    elsewhere_comes(BOB)
    do(lambda client: client.delete(COUNT, keys.online(), keys.online_seq()))
    assert online_set.everybody.fill(30).people == shown() == {ANN, BOB}


@pytest.mark.parametrize("text", ["", "x", "-7", " 7", str(2**63 - 1)])
def test_who_is_asked_for_is_found_where_only_the_number_is_none(emitted, text):
    come(process(), ANN)
    do(lambda client: client.set(SEQ, text))
    assert online_set.everybody.who().people == {ANN}


@pytest.mark.parametrize("count", ["x", "1.0", "01", "+1", "-1", "2", "1e0"])
def test_a_repair_leaves_no_count_that_cannot_be_counted_on(emitted, count):
    holder = process()
    come(holder, ANN)
    do(lambda client: client.hset(COUNT, ANN, count))
    assert online_set.everybody.repair()
    assert do(lambda client: client.hgetall(COUNT)) == {ANN: "1"}
    come(holder, ANN, tab="second")
    assert do(lambda client: client.hgetall(COUNT)) == {ANN: "2"}


@pytest.mark.parametrize("text", ["x", "5", str(2**63 - 1)])
def test_a_repair_leaves_no_number_that_cannot_be_counted_on(emitted, text):
    come(process(), ANN)
    do(lambda client: client.set(SEQ, text))
    assert online_set.everybody.repair()
    assert do(lambda client: client.get(SEQ)) != text
