"""The cost of a connection, in Redis commands, does not grow with the number of people."""

from collections.abc import Iterator
from typing import Any

import pytest

from chat import presence
from chat.presence.connections import Holder
from chat.redis.client import redis
from tests.realtime.in_step import Emitted, app_without_sockets, last_number, process, watch
from tests.support.servers import Redis

FEW, MANY = 50, 5000


@pytest.fixture
def emitted(mongod, own_redis: Redis, monkeypatch) -> Iterator[Emitted]:
    """A Redis that nobody else counts on, and what browsers would be told."""
    with app_without_sockets(own_redis.url, mongod.uri):
        yield watch(monkeypatch)


class Meter:
    """Commands (those in scripts, too) and bytes in and out of Redis."""

    def __init__(self, server: Redis) -> None:
        self.client = server.client()
        self.client.ping()

    def read(self) -> tuple[dict[str, int], int]:
        stats = self.client.info("stats")
        moved = stats["total_net_input_bytes"] + stats["total_net_output_bytes"]
        calls = self.client.info("commandstats")
        return {name: row["calls"] for name, row in calls.items()}, moved

    def of(self, act: Any) -> tuple[dict[str, int], int]:
        """What `act` costs. Looking costs some bytes itself, much the same each time."""
        self.read()
        before, moved = self.read()
        act()
        after, moved_then = self.read()
        calls = {name: n - before.get(name, 0) for name, n in after.items()}
        del calls["cmdstat_info"]
        return {name: n for name, n in calls.items() if n}, moved_then - moved


def person(number: int) -> str:
    return f"{number:024x}"


def crowd(holder: Holder, first: int, last: int) -> None:
    for number in range(first, last + 1):
        holder.connect(person(number), f"tab-{number}", last_number() if number == first else 1)
    holder.tick()


def test_the_five_thousandth_person_costs_what_the_fiftieth_did(emitted, own_redis):
    meter, holder = Meter(own_redis), process()
    costs, told = {}, {}

    def one_more(number: int) -> None:
        since = last_number()  # the page was rendered a moment ago
        emitted.presence.clear()

        def connect() -> None:
            holder.connect(person(number), f"tab-{number}", since, "somebody")
            holder.tick()

        costs[number], told[number] = meter.of(connect), list(emitted.presence)

    crowd(holder, 1, FEW - 2)
    one_more(FEW - 1)  # Redis has seen every script
    one_more(FEW)
    crowd(holder, FEW + 1, MANY - 1)
    one_more(MANY)

    assert own_redis.client().scard("cache:users:online") == MANY
    (few_calls, few_bytes), (many_calls, many_bytes) = costs[FEW], costs[MANY]
    print(f"\n{few_calls}\n{few_bytes} and {many_bytes} bytes; {told[MANY]}")
    assert few_calls == many_calls
    assert abs(many_bytes - few_bytes) < 300
    # Each is announced with their name, and greeted with nothing but their own coming.
    for number in (FEW, MANY):
        news, greeting = told[number]
        assert news["online"] == greeting["online"] == [person(number)]
        assert news["offline"] == greeting["offline"] == []
        assert news["names"] == {person(number): "somebody"}
        assert greeting["greeting"]
        assert not greeting["missed"]


def test_the_last_of_many_leaves_as_cheaply_as_of_few(emitted, own_redis):
    meter, costs = Meter(own_redis), {}
    holder = process(lease=600)
    holder.grace = 0

    def leave(number: int) -> None:
        holder.disconnect(person(number), f"tab-{number}")
        holder.reap_at = 0
        holder.tick()

    crowd(holder, 1, FEW + 1)
    leave(FEW + 1)  # Redis has seen every script
    costs[FEW] = meter.of(lambda: leave(FEW))
    crowd(holder, FEW, MANY)
    costs[MANY] = meter.of(lambda: leave(MANY))
    assert emitted.gone == [person(FEW + 1), person(FEW), person(MANY)]
    assert costs[FEW][0] == costs[MANY][0]
    assert abs(costs[MANY][1] - costs[FEW][1]) < 300


def test_a_quiet_beat_prolongs_the_set_and_does_not_write_it_again(emitted, own_redis):
    client, meter, holder = own_redis.client(), Meter(own_redis), process()
    crowd(holder, 1, FEW)
    client.expire("cache:users:online", 1000)
    holder.keep_at = 0
    calls, _ = meter.of(holder.tick)
    assert 0 < client.ttl("cache:users:online") <= 30
    assert 0 < client.ttl("v:{cache:users:online}") <= 30
    assert not {"cmdstat_sadd", "cmdstat_del", "cmdstat_hkeys"} & set(calls)


def test_connections_are_recounted_by_one_process_a_minute(emitted, own_redis):
    meter, holders = Meter(own_redis), [process() for _ in range(4)]
    crowd(holders[0], 1, FEW)

    def all_reap() -> None:
        for holder in holders:
            holder.reap_at = holder.recount_at = 0
            holder.tick()

    own_redis.client().delete("{presence}:recounted")
    calls, _ = meter.of(all_reap)
    assert calls["cmdstat_zrange"] == calls["cmdstat_hgetall"] == 1
    assert 0 < own_redis.client().ttl("{presence}:recounted") <= 60


@pytest.mark.needs_redis  # counts reads of the set, which has a percentage
def test_who_is_online_is_asked_for_once_a_request(emitted, own_redis):
    from flask import current_app

    meter = Meter(own_redis)
    crowd(process(), 1, FEW)

    def page() -> None:
        with current_app.test_request_context("/"):
            for _ in range(5):
                assert len(presence.online()) == FEW
            assert presence.seq() == last_number()

    calls, _ = meter.of(page)
    assert calls["cmdstat_smembers"] == 1 + 1  # the other is `last_number`'s
    with current_app.test_request_context("/"):
        assert redis.call(lambda client: client.srem("cache:users:online", person(1))) == 1
        assert redis.call(lambda client: client.incr("v:{cache:users:online}"))
        assert len(presence.online()) == FEW - 1  # the next request looks for itself


@pytest.mark.needs_redis  # counts reads of the set, which has a percentage
def test_while_nobody_comes_or_goes_only_a_number_is_sent(emitted, own_redis):
    from flask import current_app

    meter = Meter(own_redis)
    crowd(process(), 1, FEW)

    def pages() -> None:
        for _ in range(5):
            with current_app.test_request_context("/"):
                assert len(presence.online()) == FEW

    calls, _ = meter.of(pages)
    assert calls["cmdstat_smembers"] == 1


def test_a_number_that_a_restored_redis_gives_again_shows_nobody_from_before(emitted, own_redis):
    from flask import current_app

    def shown() -> int:
        with current_app.test_request_context("/"):
            return len(presence.online())

    crowd(process(), 1, FEW)
    assert shown() == FEW
    redis.suspect("it went, and comes back with what it held some time ago")
    own_redis.client().hdel("{presence}:count", person(1))
    assert redis.recover()

    assert [shown(), shown()] == [FEW - 1] * 2
