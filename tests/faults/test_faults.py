"""A short form of ``python -m tests.faults.harness``: few people, the most important faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.embedded.mongo import Mongo
from tests.faults.harness import table
from tests.faults.harness.faults import BY_NAME, Fault
from tests.faults.harness.tally import Tally
from tests.faults.harness.trial import Row, Suffered, attempt
from tests.support.servers import start_mongod

AUTHORS, SECONDS = 4, 1.5
PAUSE = 0.02  # s: nobody's answer is timed here, and the denser the writes the more can go wrong


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[Mongo]:
    """One that may be broken."""
    server = start_mongod(tmp_path / "own-mongod")
    yield server
    server.kill()


def suffered(folder: Path, mongod: Mongo, *names: str) -> Row:
    """All of these faults in turn."""
    first, *then = (BY_NAME[name] for name in names)
    row = attempt(first, folder / "trial", mongod, AUTHORS, SECONDS, then, PAUSE)
    print(row.log)  # for the report of a failure
    assert row.acknowledged == row.tried > 0
    return row


def test_whatever_happens_to_redis_nothing_is_lost_old_or_refused(mongod, tmp_path):
    names = ("flushed", "redis_hung", "redis_old")
    assert not suffered(tmp_path, mongod, *names).broken()


def test_nothing_is_lost_when_mongodb_or_a_process_is_killed(own_mongod, tmp_path):
    assert not suffered(tmp_path, own_mongod, "mongod_killed", "app_killed").broken()


@pytest.mark.long  # tests/embedded/test_restarts.py kills each of them, too
def test_nothing_is_lost_when_the_servers_of_make_run_are_killed(mongod, tmp_path):
    names = ("embedded_valkey_killed", "embedded_mongod_killed")
    assert not suffered(tmp_path, mongod, *names).broken()


@pytest.mark.parametrize("kind", ["redis", "mongodb", "app"])
def test_a_row_complains_of_each_promise_that_is_not_kept(kind):
    fault = Fault("of nothing", kind, lambda made: None, degrades=False)
    row = Row(fault, [Suffered(fault)])
    assert not row.broken()
    row.lost, row.logouts, row.stale, row.duplicated = ["a"], ["b"], ["c"], 1
    row.corner = ["e"]
    row.suffered[0].server_errors = ["d"]
    assert len(row.broken()) == (6 if kind == "redis" else 5)


def test_of_several_faults_each_is_judged_as_what_it_is():
    first, second = BY_NAME["mongod_killed"], BY_NAME["redis_hung"]
    row = Row(first, [Suffered(first, 0.5, ["503"]), Suffered(second, None, ["500"])])
    assert row.broken() == ["server error: 500", f"nobody was told: {second.name}"]


@pytest.mark.parametrize(
    ("kind", "late"),
    [
        ("redis", {"slowest": 501.0}),
        ("redis", {"normal": 15.1}),
        ("mongodb", {"slowest_refusal": 2001.0}),
    ],
)
def test_a_row_that_took_longer_than_promised_is_marked(kind, late):
    row = Row(Fault("of nothing", kind, lambda made: None), slowest=500.0, normal=15.0)
    assert not row.late()
    assert "too slow" not in table.line(row)
    row = Row(Fault("of nothing", kind, lambda made: None), **late)
    assert len(row.late()) == 1
    assert "too slow" in table.line(row)


def test_answers_are_counted_as_what_they_mean_to_people():
    tally = Tally()
    for code, redirected in ((401, False), (200, True), (503, False), (404, False)):
        tally.status(code, "asked", redirected, took=code / 1000)
    assert tally.slowest_refusal == 503
    assert [len(x) for x in (tally.logouts, tally.server_errors, tally.other)] == [2, 1, 1]
