"""The status page shows the last backup, and advice if it is too old."""

import subprocess
import sys
import time

import pymongo
import pytest
from flask import Flask

from chat.models import Backup
from chat.monitoring.status import backups
from tests.support.processes import ROOT

SCRIPT = (sys.executable, "deploy/backup-mongodb.py")


@pytest.fixture
def said(app):
    """In English, what a back-up of so long ago is called."""

    def ask(**kept):
        with app.test_request_context():
            return backups.of_mongodb({"backup": kept})

    return ask


def one(ago, ok=True):
    return {"at": time.time() - ago, "ok": ok, "bytes": 5, "seconds": 1.0}


def test_a_back_up_is_fine_for_26_hours(said):
    assert said() == {"state": "none", "ago": None, "bytes": None}
    fresh, old = one(25.9 * 3600), one(26.1 * 3600)
    assert said(last=fresh, good=fresh) == {"state": "ok", "ago": "26 hours", "bytes": 5}
    assert said(last=old, good=old)["state"] == "old"
    assert said(last=one(10, ok=False), good=fresh)["state"] == "failed"
    assert said(last=one(10, ok=False)) == {"state": "failed", "ago": None, "bytes": None}
    assert backups.of_mongodb({}) is None


def test_a_redis_that_has_saved_nothing_yet_is_not_said_to_have(app: Flask):
    started = time.time() - 600
    with app.test_request_context():
        never = {"rdb_last_save_time": int(started), "uptime_in_seconds": 598}
        assert backups.of_redis(never) is None
        assert backups.of_redis({}) is None
        saved = never | {"rdb_last_save_time": int(started) + 300}
        assert backups.of_redis(saved) == "5 minutes"


def test_what_a_redis_that_is_away_said_of_its_snapshot_stays_true(app: Flask):
    started = time.time() - 7200
    told = {"rdb_last_save_time": int(started) + 300, "uptime_in_seconds": 600, "at": started + 600}
    with app.test_request_context():
        assert backups.of_redis(told) == "115 minutes"
        assert backups.of_redis(told | {"rdb_last_save_time": int(started)}) is None


def test_a_failed_and_a_good_back_up_are_both_noted(app: Flask, tmp_path):
    uri = app.config["MONGODB_URI"]
    Backup._get_collection().insert_one({"_id": "mongodb", "last": {"at": "noon"}, "good": 1})
    assert Backup.read() == {}
    copied = tmp_path / "data"
    copied.mkdir()
    (copied / "file").write_bytes(b"12345")
    target = tmp_path / "copy"
    run = [*SCRIPT, uri, str(copied), str(target)]
    assert subprocess.run(run, cwd=ROOT, timeout=60, check=False).returncode == 0
    assert (target / "file").read_bytes() == b"12345"
    good = Backup.read()["good"]
    assert good["ok"]
    assert good["bytes"] == 5
    assert abs(time.time() - good["at"]) < 60

    failed = subprocess.run(run, cwd=ROOT, timeout=60, check=False, capture_output=True)
    assert b"FileExistsError" in failed.stderr
    assert Backup.read()["good"] == good
    assert not Backup.read()["last"]["ok"]
    with pymongo.MongoClient(uri) as client:  # writes go on
        client.admin.command("ping")
        client.get_default_database()["anything"].insert_one({})

    made = subprocess.run([*SCRIPT, uri, "--made"], cwd=ROOT, timeout=60, check=False)
    assert made.returncode == 0
    assert Backup.read()["last"]["ok"]
    assert Backup.read()["good"]["at"] >= good["at"]
