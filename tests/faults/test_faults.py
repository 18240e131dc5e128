"""The short form of ``python -m tests.faults.harness``: few people, the most telling faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.embedded.mongo import Mongo
from tests.faults.harness.faults import BY_NAME, Fault
from tests.faults.harness.tally import Tally
from tests.faults.harness.trial import Row, attempt
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


@pytest.mark.parametrize("kind", ["redis", "mongodb", "app"])
def test_a_row_complains_of_each_promise_that_is_not_kept(kind):
    row = Row(Fault("of nothing", kind, lambda made: None, degrades=False))
    assert not row.broken()
    row.lost, row.logouts, row.stale, row.duplicated = ["a"], ["b"], ["c"], 1
    row.server_errors = ["d"]
    assert len(row.broken()) == (5 if kind == "redis" else 4)


def test_answers_are_counted_as_what_they_mean_to_people():
    tally = Tally()
    for code, redirected in ((401, False), (200, True), (503, False), (404, False)):
        tally.status(code, "asked", redirected)
    assert [len(x) for x in (tally.logouts, tally.server_errors, tally.other)] == [2, 1, 1]
