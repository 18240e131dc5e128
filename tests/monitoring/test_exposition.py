"""Metrics: the sum over processes, the text for Prometheus, and the documentation."""

import fcntl
import os
import time
from pathlib import Path

import gevent
import pytest
from pymongo.errors import OperationFailure

from chat.models import User
from chat.monitoring import exposition, sampler, shared_dir, snapshot
from chat.monitoring.shared_dir import PREFIX, FiguresDir, together
from chat.monitoring.status import samples
from chat.redis.client import redis
from chat.redis_schema.keys import STRUCTURES
from chat.telemetry import events as telemetry
from chat.telemetry import registry
from chat.telemetry.metric_types import Counter, Gauge, Histogram, percentile
from tests.monitoring.scrape import Scrape
from tests.support.processes import ROOT

REQUESTS = registry.REQUESTS.name


@pytest.fixture
def figures():
    """The figures of this process, at nothing."""
    for figure in registry.FIGURES:
        figure.clear()
    yield registry
    for figure in registry.FIGURES:
        figure.clear()


def some(figures, sockets=3):
    figures.REQUESTS.observe(0.004, "GET", "/api/<x>", "2xx", "hit")
    figures.REQUESTS.observe(99.0, "GET", 'a "quoted" \\ \n route', "5xx", "none")
    figures.MONGO_CALLS.observe(0.001, "users", "find")
    figures.MONGO_CALLS.observe(0.001, "users", "insert")
    figures.REDIS_CALLS.observe(0.0012, "get")
    telemetry.cache_hits(["cache:site", "cache:messages:tail:1", "cache:messages:tail:2"])
    figures.SOCKETS.set(sockets)
    figures.REDIS_UP.set(1)
    figures.REDIS_KEYS.set(sockets)
    return snapshot.own()


def test_prometheus_reads_from_the_text_what_was_counted(figures):
    read = Scrape(exposition.write(snapshot.add([some(figures), some(figures)])).decode())
    buckets, count = f"{REQUESTS}_bucket", f"{REQUESTS}_count"
    fast = {"method": "GET", "route": "/api/<x>", "status": "2xx", "answered": "hit"}
    assert read.of(buckets, **fast, le="0.0025") == 0
    assert [read.of(buckets, **fast, le=end) for end in ("0.005", "5.0", "+Inf")] == [3, 3, 3]
    assert read.of(count, route='a "quoted" \\ \n route') == 3
    assert read.of(f"{REQUESTS}_sum", **fast) == pytest.approx(0.012)
    assert read.of(registry.SOCKETS.name) == 6
    assert read.of(registry.CACHE_READS.name, structure="cache:site", outcome="hit") == 3


def test_other_greenlets_go_on_while_the_text_is_written(figures):
    for number in range(300):
        figures.REQUESTS.observe(0.004, "GET", f"/{number}", "2xx", "hit")
    told, turns = snapshot.own(), []

    def other():
        while True:
            turns.append(1)
            gevent.sleep(0)

    beside = gevent.spawn(other)
    exposition.write(told)
    beside.kill()
    assert turns


def test_counts_of_processes_are_added_and_gauges_merged_as_each_says(figures):
    one, two = some(figures, sockets=3), some(figures, sockets=4)
    two["gauges"][registry.REDIS_UP.name] = [((), 0)]
    two["at"] = one["at"] + 1
    sums = snapshot.add([two, one])  # in any order
    gauges = {name: dict(pairs) for name, pairs in sums["gauges"].items()}
    assert gauges[registry.SOCKETS.name] == {(): 7}
    assert gauges[registry.REDIS_UP.name] == {(): 0}
    assert gauges[registry.REDIS_KEYS.name] == {(): 4}  # the latest
    totals = snapshot.totals(sums)
    assert totals["processes"] == 2
    assert totals["cache"]["cache:messages:tail:*"]["hit"] == 2 + 4
    assert totals["reads_saved"] == 3 + 6
    assert totals["mongodb"] == {"commands": 2 + 4, "reads": 1 + 2}
    assert totals["answers"]["hit"]["count"] == 3
    assert totals["routes"]["GET /api/<x>"]["hit"]["p95"] == pytest.approx(0.004875)
    assert 0.001 < totals["redis"]["get"]["p95"] <= 0.002


def test_a_percentile_is_estimated_within_its_bucket():
    row, ends = [0, 10, 0, 0, 0.0], (1.0, 2.0, 3.0)
    assert percentile(row, ends, 0.5) == 1.5
    assert percentile(row, ends, 1.0) == 2.0
    assert percentile([0, 0, 0, 4, 0.0], ends, 0.5) == 3.0
    assert percentile([0, 0, 0, 0, 0.0], ends, 0.5) is None


def test_the_p95_of_slow_answers_is_no_guess_between_a_quarter_of_a_second_and_five(figures):
    for seconds, bound in ((0.3, 0.5), (0.6, 1.0), (1.2, 2.5), (3.0, 5.0)):
        figures.REQUESTS.clear()
        figures.REQUESTS.observe(seconds, "GET", "/slow", "2xx", "none")
        (row,) = figures.REQUESTS.values.values()
        assert seconds / 2.5 < percentile(row, figures.REQUESTS.buckets, 0.95) <= bound


def test_what_was_measured_in_other_buckets_is_left_out_of_sums_and_of_percentiles(figures):
    """Minutes of the last day, and what workers left that ended before a reload."""
    ours = some(figures)
    theirs = some(figures)
    theirs["counts"][REQUESTS] = [(("GET", "/api/<x>", "2xx", "hit"), [5, 5, 5, 0.1])]
    both = [snapshot.add(order) for order in ([ours, theirs], [theirs, ours])]
    for told in both:
        assert dict(told["counts"][REQUESTS]) == dict(ours["counts"][REQUESTS])
        assert snapshot.totals(told)["cache"]["cache:site"]["hit"] == 3
        assert exposition.write(told)
    coarse, fine = [1, 9, 0.5], ours["counts"][REQUESTS][0][1]
    assert samples.added([{"row": coarse}, {"row": fine}, {"row": fine}]) == {
        "row": [2 * number for number in fine]
    }
    assert samples.since({"row": coarse}, {"row": fine}) == {"row": fine}
    assert samples.time_of(coarse, 0.95) is None
    assert samples.time_of(fine, 0.95) is not None


def test_what_is_on_a_bound_belongs_to_the_bucket_below_it():
    histogram = Histogram("x_seconds", "", buckets=(1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(seconds)
    assert histogram.values[()] == [2, 1, 1, 12.0]


def test_every_structure_has_a_name_and_nothing_else_becomes_a_label(figures):
    for structure in STRUCTURES:
        assert telemetry.structure_of(structure.name.replace("*", "0" * 24)) == structure.name
    before = set(figures.CACHE_READS.values)
    telemetry.cache_hits(["something:else:1", "other", ""])
    telemetry.cache("something:else:1", "miss")
    telemetry.past_redis("whatever 7")
    telemetry.emitted("an event that nobody declared")
    assert set(figures.CACHE_READS.values) == before
    assert ("other",) in figures.EMITS.values


def test_commands_to_mongodb_are_counted_by_collection_and_verb_and_failures_apart(app, figures):
    with app.app_context():
        database = User._get_collection().database

        def counted(collection, verb):
            row = figures.MONGO_CALLS.values.get((collection, verb), [0.0])
            return sum(row[:-1]), figures.MONGO_FAILURES.values.get((collection, verb), 0)

        database["users"].find_one({"nickname": "nobody"})
        assert counted("users", "find") == (1, 0)
        database["users"].delete_one({"nickname": "nobody"})
        assert counted("users", "delete") == (1, 0)
        with pytest.raises(OperationFailure):
            list(database["users"].aggregate([{"$nonsense": 1}]))
        assert counted("users", "aggregate") == (1, 1)
        database["a collection that nobody declared"].find_one()
        assert counted("other", "find") == (1, 0)
        database.command("buildInfo")
        assert counted("(none)", "other") == (1, 0)
    assert {collection for collection, _verb in figures.MONGO_CALLS.values} == {
        "users", "other", "(none)",
    }  # fmt: skip


def test_the_pool_is_told_as_so_many_connections_in_use_of_so_many(app, figures):
    assert redis.call(lambda r: r.ping())
    pool = redis.kept.client.connection_pool
    held = [pool.get_connection() for _ in range(3)]
    try:
        sampler.look(app)
    finally:
        for connection in held:
            pool.release(connection)
    assert figures.POOL_IN_USE.values == {(): 3}
    assert figures.POOL_LIMIT.values == {(): 50}
    sampler.look(app)
    assert figures.POOL_IN_USE.values == {(): 0}


def test_an_ended_process_leaves_its_counts_and_takes_its_gauges_with_it(tmp_path, figures):
    master, worker, other = FiguresDir(), FiguresDir(), FiguresDir()
    for number, each in enumerate((master, worker, other)):
        each.folder, each._own = tmp_path, (os.getpid(), f"{number}")
    worker._name = lambda: "4711-a.json"
    worker.publish(some(figures, sockets=3))
    other._name = lambda: "4712-b.json"
    other.publish(some(figures, sockets=3))
    before = snapshot.add(master.everybody())
    master.fold(4711)
    after = snapshot.add(master.everybody())
    assert (
        dict(after["counts"])[registry.REQUESTS.name]
        == dict(before["counts"])[registry.REQUESTS.name]
    )
    assert dict(after["gauges"][registry.SOCKETS.name]) == {(): 3}
    assert after["processes"] == 1
    worker.publish(some(figures))  # as if it had not been taken away yet when it was added
    assert len(master.everybody()) == 2
    master.fold(4712)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4711-a.json", "dead.json"]


def test_folders_of_killed_masters_are_taken_away_and_those_of_living_ones_are_not(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(shared_dir.os, "access", lambda *_: False)
    monkeypatch.setattr(shared_dir.tempfile, "gettempdir", lambda: str(tmp_path))
    left, held, young = (tmp_path / f"{PREFIX}{name}" for name in ("left", "held", "young"))
    for folder in (left, held, young):
        folder.mkdir()
        (folder / "lock").touch()
    for folder in (left, held):
        os.utime(folder, (time.time() - 3600,) * 2)
    with (held / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = FiguresDir()
        made.make()
        assert set(tmp_path.iterdir()) == {held, young, made.folder}
    made.remove()
    assert not made.folder.exists()


def test_without_gunicorn_the_sum_is_this_process(figures):
    some(figures)
    assert together()["processes"] == 1


def test_the_documentation_has_every_figure():
    page = Path(ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert page == registry.written_into(page)
    for figure in registry.FIGURES:
        assert f"| `{figure.name}` |" in page
    for kind in (Counter, Gauge, Histogram):
        assert f"| {kind.kind} |" in page
