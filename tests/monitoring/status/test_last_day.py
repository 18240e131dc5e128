"""The rows of the last day: bounded, idempotent, and drawn rightly."""

import time
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chat.models import Minute, base
from chat.models.status_minute import KEPT_SECONDS
from chat.monitoring.status import charts, last_day
from chat.monitoring.status.last_day import MOST_WAITING, Writer

ROW = {"hits": 9, "misses": 1, "with": [], "without": [], "seconds": 60.0, "deliveries": 120,
       "sockets": 2, "online": 3}  # fmt: skip


def sample(at, hits=0):
    cache = {"cache:site": {"hit": hits, "miss": 0}}
    return {"at": at, "cache": cache, "answers": {}, "deliveries": hits}


def test_mongodb_removes_what_is_older_than_25_hours(app):
    found = Minute._get_collection().index_information()
    assert [i.get("expireAfterSeconds") for i in found.values() if i["key"] == [("at", 1)]] == [
        KEPT_SECONDS
    ]
    assert KEPT_SECONDS == 25 * 3600


def test_a_minute_written_again_by_another_process_of_the_group_is_not_counted_twice(app):
    minute = base.now().replace(second=0, microsecond=0)
    for _ in range(3):
        Minute.put("one", {minute: ROW})
    Minute.put("two", {minute: ROW | {"online": 4}})
    Minute.put("one", {minute - timedelta(hours=26): ROW})
    stored = Minute.last_day()
    assert len(stored) == 1
    point = last_day.to_points(stored, time.time())[-1]
    assert point["hit_rate"] == 90
    assert point["online"] == 4  # both see the same people
    assert point["deliveries"] == 4.0  # 240 in a minute


def test_each_minute_is_closed_once_and_waits_while_mongodb_is_away(app, monkeypatch):
    put, away = Minute.put, [True]

    def maybe(group, rows):
        if away[0]:
            raise base.ConnectionFailure("away")
        put(group, rows)

    monkeypatch.setattr(Minute, "put", maybe)
    writer, begin = Writer("one"), (time.time() // 60 - 100) * 60
    with app.app_context():
        for look in range(0, 90 * 60, 20):
            writer.look(sample(begin + look, hits=look), 0)
        assert len(writer.waiting) == MOST_WAITING
        away[0] = False
        writer.look(sample(begin + 90 * 60, hits=90 * 60), 0)
    rows = [minute["by"]["one"] for minute in Minute.last_day()]
    assert len(rows) == MOST_WAITING
    assert {row["hits"] for row in rows} == {60}
    assert writer.waiting == {}


def test_a_day_has_a_point_each_ten_minutes_and_gaps_where_nothing_is_known():
    now = time.time()
    at = datetime.fromtimestamp(now - 3600, UTC)
    points = last_day.to_points([{"at": at, "by": {"one": ROW}}], now)
    assert len(points) == 144
    assert [p["online"] for p in points if p["online"] is not None] == [3]
    assert last_day.to_points([{"at": at - timedelta(days=2), "by": {"one": ROW}}], now) == (
        last_day.to_points([], now)
    )


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=144))
def test_a_line_stays_in_its_picture_and_has_a_beginning_after_each_gap(values):
    top = charts.nice(max((v for v in values if v is not None), default=1))
    assert top >= max((v for v in values if v is not None), default=0)
    drawn = charts.path(values, top)
    begins = sum(
        1 for n, v in enumerate(values) if v is not None and (n == 0 or values[n - 1] is None)
    )
    assert drawn.count("M") == begins
    assert drawn.count("L") == sum(v is not None for v in values) - begins
    for value in values:
        if value is not None:
            assert charts.EDGE <= charts.height(value, top) <= charts.HEIGHT - charts.EDGE
