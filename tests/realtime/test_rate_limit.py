"""The rate limits for the socket events of one person."""

import time
from types import SimpleNamespace

import pytest

from chat.realtime.incoming import rate_limit
from tests.support.people import new_message


def test_a_flood_of_messages_is_limited_and_the_rest_stays_in_order(alice, room):
    tab, started = alice.tab(), time.monotonic()
    flood = [{"channel": room, **new_message(str(number))} for number in range(120)]
    answers = tab.ask_at_once("message:post", flood)
    stored = [int(answer["message"]["text"]) for answer in answers if answer["ok"]]
    assert {answer["error"] for answer in answers if not answer["ok"]} == {"throttled"}
    # Ten at once and five a second, however long the machine took for them.
    assert 10 <= len(stored) <= 10 + 5 * (time.monotonic() - started) + 1
    assert stored == sorted(stored)


def test_other_events_are_refused_at_once(alice, room):
    answers = alice.tab().ask_at_once("typing", [{"channel": room}] * 30)
    assert [answer["ok"] for answer in answers].count(True) >= 5
    assert {answer["error"] for answer in answers if not answer["ok"]} == {"throttled"}


def test_who_goes_on_flooding_is_disconnected(alice):
    tab = alice.tab()
    for _ in range(400):
        tab.socket.emit("typing", {"channel": "x"})
    tab.is_cut()


def test_a_bucket_refills(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(rate_limit, "time", SimpleNamespace(monotonic=lambda: now[0]))
    bucket = rate_limit.Bucket(rate=2, burst=2, at=now[0])
    assert [bucket.wait() > 0 for _ in range(3)] == [False, False, True]
    now[0] += 0.5
    assert [bucket.wait() > 0 for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("limit", "rate"),
    [("20/second", 20), ("600 per minute", 10), ("30 per 3 seconds", 10), ("864000/day", 10)],
)
def test_limits_are_read_in_the_usual_notation(limit, rate):
    assert rate_limit.per_second(limit) == rate
