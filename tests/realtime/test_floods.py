"""How much one person may send."""

import time
from uuid import uuid4

import pytest

from chat.realtime import floods
from tests.realtime.stage import until


def test_a_flood_of_messages_is_limited_and_the_rest_stays_in_order(alice, room):
    tab, answers, started = alice.tab(), [], time.monotonic()
    for i in range(120):
        data = {"channel": room, "text": str(i), "client_id": uuid4().hex}
        tab.socket.emit("message:post", data, callback=answers.append)
    assert until(lambda: sum(a.get("error") == "throttled" for a in answers) >= 50)
    time.sleep(1)
    stored = [int(answer["message"]["text"]) for answer in answers if answer["ok"]]
    assert 10 <= len(stored) <= 12 + 5 * (time.monotonic() - started)
    assert stored == sorted(stored)


def test_other_events_are_refused_at_once(alice, room):
    tab = alice.tab()
    answers = [tab.ask("typing", channel=room) for _ in range(12)]
    assert answers[0]["ok"]
    assert answers[-1]["error"] == "throttled"


def test_who_goes_on_flooding_is_disconnected(alice):
    tab = alice.tab()
    for _ in range(400):
        tab.socket.emit("typing", {"channel": "x"})
    assert until(lambda: not tab.connected)


def test_a_bucket_refills():
    bucket = floods.Bucket(rate=50, burst=2)
    assert [bucket.wait() > 0 for _ in range(3)] == [False, False, True]
    time.sleep(0.05)
    assert bucket.wait() == 0


@pytest.mark.parametrize(
    ("limit", "rate"), [("20/second", 20), ("600 per minute", 10), ("30 per 3 seconds", 10)]
)
def test_limits_are_read_as_flask_limiter_writes_them(limit, rate):
    assert floods.per_second(limit) == rate
