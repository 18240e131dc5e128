"""Changes of presence are numbered: none is missed, and no older one wins."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chat.config import settings
from chat.presence import connections, lease_scripts, online_set, set_scripts
from chat.realtime.transport import handshake
from chat.redis.client import redis
from chat.redis_schema import keys
from tests.realtime.in_step import Emitted, app_without_sockets, last_number, process, watch
from tests.support.servers import IN_PROCESS

ANN, BOB, CAT = "a" * 24, "b" * 24, "c" * 24
KEYS = [keys.presence(part) for part in ("conns", "count", "seq", "log")]


@pytest.fixture
def emitted(mongod, valkey, monkeypatch) -> Iterator[Emitted]:
    with app_without_sockets(valkey.url_of(IN_PROCESS), mongod.uri):
        yield watch(monkeypatch)


def shown() -> set[str]:
    return redis.call(lambda client: set(client.smembers("cache:users:online")))


def elsewhere_comes(who: str) -> None:
    """Another process has leased a connection, and not come to anything else yet."""
    redis.run(lease_scripts.BEAT, KEYS, [60_000, f"{who}|elsewhere"])


def elsewhere_goes(who: str) -> None:
    redis.run(lease_scripts.LEAVE, KEYS, [0, f"{who}|elsewhere"])
    redis.run(lease_scripts.REAP, KEYS, [1000, 60_000])


def come(holder: connections.Holder, who: str, since: int = 0, tab: str = "tab") -> None:
    holder.connect(who, f"{tab}-{who}", since)
    holder.tick()


def go(holder: connections.Holder, who: str) -> None:
    holder.disconnect(who, f"tab-{who}")
    holder.tick()


# -- in time


def test_the_usual_times_add_up_to_what_is_promised(app):
    lease = app.config["PRESENCE_LEASE"]
    assert (
        lease
        == connections.LEASE
        == next(row.default for row in settings.SETTINGS if row.name == "PRESENCE_LEASE")
    )
    # Right within 2 s of a connection, and of the end of the last one; half a second to spare.
    assert connections.TICK < 2
    assert max(connections.GRACE, connections.TICK) + connections.MARGIN < 2 - 0.5
    # A killed process: its last beat's leases, another's next reap, the gathering of changes.
    assert lease / connections.REAPS <= 5
    assert lease + lease / connections.REAPS + connections.TICK < 45
    # A line that was cut: until the silence is noticed.
    silence = handshake.PING_INTERVAL + handshake.PING_TIMEOUT
    assert silence + connections.GRACE + 2 * connections.TICK < 45
    # A set that is prolonged at every third of the shorter of the two does not expire meanwhile.
    assert app.config["TTL_ONLINE"] == 30


def test_who_leaves_is_offline_as_soon_as_the_grace_is_over(emitted, monkeypatch):
    clock = connections.time.monotonic
    late = 0.0
    monkeypatch.setattr(connections.time, "monotonic", lambda: clock() + late)
    holder = process(lease=connections.LEASE)
    come(holder, ANN)
    waited = connections.TICK  # the worst moment: a tick has just been
    holder.disconnect(ANN, f"tab-{ANN}")
    late += connections.TICK
    holder.tick()
    assert not emitted.gone  # reloading a page is not going offline
    while not emitted.gone:
        waited, late = waited + holder.pause(), late + holder.pause()
        # Redis has its own clock: let the lease end by it, too.
        redis.call(lambda client: client.zadd(KEYS[0], {f"{ANN}|tab-{ANN}": 1}, xx=True))
        holder.tick()
    assert waited < 2
    assert ANN not in shown()


def test_the_loop_is_in_no_hurry_while_redis_is_away(emitted):
    holder = process()
    holder.reap_at = 0.0
    assert holder.pause() < connections.TICK
    holder.in_step = False
    assert holder.pause() == connections.TICK


def test_those_whom_a_stop_sends_elsewhere_have_time_to_come_back(emitted):
    stopping, staying = process(), process()
    come(stopping, ANN)
    stopping.leave_all()
    score = redis.call(lambda client: client.zscore(KEYS[0], f"{ANN}|tab-{ANN}"))
    seconds, micros = redis.call(lambda client: client.time())
    left = score / 1000 - seconds - micros / 1_000_000
    assert connections.GRACE < left <= connections.STOP_GRACE
    come(staying, ANN, tab="again")
    redis.call(lambda client: client.zadd(KEYS[0], {f"{ANN}|tab-{ANN}": 1}))
    staying.reap_at = 0
    staying.tick()
    assert not emitted.gone
    assert shown() == {ANN}


# -- the set


def test_the_set_follows_whatever_order_the_processes_are_in(emitted):
    here, there = process(), process()
    come(here, ANN)
    elsewhere_comes(BOB)  # number 2 is taken, and its process is slow to write the set
    come(there, CAT)  # number 3 brings both
    assert shown() == {ANN, BOB, CAT}
    elsewhere_goes(BOB)
    online_set.everybody.follow(30)
    online_set.everybody.follow(30)
    assert shown() == {ANN, CAT}


def test_changes_to_the_same_person_are_applied_in_their_order(emitted):
    come(process(), ANN)
    for _ in range(3):
        elsewhere_comes(BOB)
        elsewhere_goes(BOB)
    elsewhere_comes(CAT)
    elsewhere_goes(CAT)
    elsewhere_comes(CAT)
    online_set.everybody.follow(30)
    assert shown() == {ANN, CAT}


def test_an_older_picture_never_replaces_a_newer_one(emitted):
    holder = process()
    come(holder, ANN)
    old = redis.run(set_scripts.WHO, [KEYS[1], KEYS[2]], [])
    fill = [int(old[0]), 30, *old[1]]
    names = [keys.online(), keys.online_seq()]
    holder.grace = 0
    holder.disconnect(ANN, f"tab-{ANN}")
    holder.reap_at = 0
    holder.tick()
    assert shown() == set()  # the newer picture is of nobody at all
    assert redis.run(set_scripts.FILL, names, fill) == 0
    assert shown() == set()
    come(holder, BOB)
    assert redis.run(set_scripts.FILL, names, fill) == 0
    assert redis.run(set_scripts.SHIFT, names, [fill[0] - 1, fill[0], 30, 1, ANN]) == 1
    assert shown() == {BOB}


def test_a_set_that_is_missing_is_written_again_without_anybody_coming(emitted):
    holder = process()
    come(holder, ANN)
    redis.call(lambda client: client.delete(keys.online(), keys.online_seq()))
    holder.keep_at = 0
    holder.tick()
    assert shown() == {ANN}


def test_a_set_that_has_fallen_too_far_behind_is_written_whole(emitted):
    come(process(), ANN)
    for number in range(lease_scripts.LOG_KEPT // 2 + 1):
        elsewhere_comes(f"{number:024x}")
        elsewhere_goes(f"{number:024x}")
    elsewhere_comes(BOB)
    assert redis.call(lambda client: client.zcard(KEYS[3])) == lease_scripts.LOG_KEPT
    online_set.everybody.follow(30)
    assert shown() == {ANN, BOB}


def test_numbers_that_were_lost_begin_beyond_those_that_were_known(emitted):
    holder = process()
    come(holder, ANN)
    elsewhere_comes(BOB)
    online_set.everybody.follow(30)
    before = last_number()
    redis.call(lambda client: client.delete(*KEYS))
    holder.beat_at = 0
    holder.tick()
    assert shown() == {ANN}
    assert last_number() > before
    elsewhere_goes(BOB)  # nobody in the leases: no number is taken
    redis.call(lambda client: client.delete(*KEYS))
    holder.keep_at = 0
    holder.tick()
    assert shown() == set()  # not what was shown when the numbers were greater


def test_counts_that_a_lost_key_has_doubled_are_mended(emitted):
    holder = process()
    come(holder, ANN)
    redis.call(lambda client: client.delete(KEYS[0], keys.presence("recounted")))
    holder.beat_at = 0
    holder.tick()
    assert redis.call(lambda client: client.hget(KEYS[1], ANN)) == "2"
    holder.reap_at = holder.recount_at = 0
    holder.tick()
    assert redis.call(lambda client: client.hgetall(KEYS[1])) == {ANN: "1"}


def test_a_set_that_lost_somebody_is_found_out_at_the_next_count(emitted):
    holder = process()
    come(holder, ANN)
    come(holder, BOB)
    redis.call(lambda client: client.srem(keys.online(), BOB))
    redis.call(lambda client: client.delete(keys.presence("recounted")))
    holder.reap_at = holder.recount_at = 0
    holder.tick()
    assert shown() == {ANN, BOB}


# -- what browsers are told


def test_a_newcomer_is_told_what_changed_since_their_page(emitted):
    holder = process()
    come(holder, ANN)
    since = last_number()
    elsewhere_comes(BOB)
    elsewhere_goes(BOB)
    come(holder, CAT, since)
    greeting = emitted.greeting
    assert (greeting["online"], greeting["offline"]) == ([CAT], [BOB])
    assert greeting["seq"] == last_number() == since + 3
    assert greeting["known"]
    assert not greeting["missed"]


@pytest.mark.parametrize("since", [0, -5, 10**15, 10**16, "7", None, True, 1.5])
def test_who_names_no_number_of_ours_asks_for_the_list(emitted, since):
    holder = process()
    come(holder, ANN)
    come(holder, BOB, since)
    greeting = emitted.greeting
    assert greeting["missed"]
    assert greeting["online"] == greeting["offline"] == []
    assert greeting["seq"] == last_number()


def test_who_was_away_too_long_asks_for_the_list_and_others_do_not(emitted):
    holder = process()
    come(holder, ANN)
    long_ago = last_number()
    for number in range(connections.MOST_TOLD // 2):
        elsewhere_comes(f"{number:024x}")
        elsewhere_goes(f"{number:024x}")
    online_set.everybody.follow(30)
    now = last_number()
    holder.connect(BOB, "late", long_ago)
    holder.connect(CAT, "fresh", now)
    holder.tick()
    late, fresh = [data for data in emitted.presence if data.get("greeting")][-2:]
    assert late["missed"]
    assert not fresh["missed"]
    assert fresh["online"] == [BOB, CAT]


def test_who_would_be_told_of_too_many_people_asks_for_the_list(emitted, monkeypatch):
    monkeypatch.setattr(connections, "MOST_NAMED", 3)
    holder = process()
    come(holder, ANN)
    since = last_number()
    for number in range(2):
        elsewhere_comes(f"{number:024x}")
    come(holder, BOB, since)
    assert not emitted.greeting["missed"]
    elsewhere_comes(f"{2:024x}")
    come(holder, CAT, since)
    assert emitted.greeting["missed"]
    assert emitted.greeting["online"] == []


def test_every_number_is_announced_once_and_after_the_set_shows_it(emitted, monkeypatch):
    here, there = process(), process()
    start = last_number()
    emit = emitted.emit

    def look_and_emit(event, data, **to):
        assert set(data["online"]) <= shown()
        assert not set(data["offline"]) & shown()
        emit(event, data, **to)

    monkeypatch.setattr(emitted, "emit", look_and_emit)
    come(here, ANN)
    come(there, BOB)
    come(there, ANN)  # another tab: nothing to tell
    here.grace = there.grace = 0
    for holder, who in ((there, BOB), (here, ANN), (there, ANN)):
        holder.disconnect(who, f"tab-{who}")
        holder.reap_at = 0
        holder.tick()
    told = [data for data in emitted.presence if not data.get("greeting")]
    numbers = [data["seq"] for data in told]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert start < numbers[0]
    changes = [(data["online"], data["offline"]) for data in told]
    assert changes == [([ANN], []), ([BOB], []), ([], [BOB]), ([], [ANN])]


def test_numbers_are_spelled_out(emitted):
    """Lua shortens great numbers to 1.7e+15 unless told otherwise."""
    elsewhere_comes(ANN)
    seq, [change] = online_set.everybody.news(0)
    assert change == (seq, "+", [ANN])
    assert abs(seq / 1_000_000 - datetime.now(UTC).timestamp()) < 3600
