"""The report of a fire drill shows what was counted, also bad results."""

import secrets

import pytest
from bson import ObjectId

from chat.cache import fire_drill
from chat.models import Drill
from chat.monitoring.status import drill_reports, samples
from chat.telemetry import registry
from tests.monitoring.status.test_alert_rules import calls, snapshot

HTTP = ("POST", "/api/channels/<channel_id>/messages")
FORM = ("POST", "/channels/<slug>/messages")
OTHER = ("POST", "/api/channels/<channel_id>/join")
READ = ("GET", "/api/channels/<channel_id>/messages")


def requests(number, where, status):
    row = registry.REQUESTS.nothing()
    row[0] = number
    return registry.REQUESTS, row, *where, status, "none"


def posted(ok=0, failed=0, refused=0):
    told = {"ok": ok, "failed": failed, "refused": refused}
    return [(registry.SOCKET_EVENTS, number, "message:post", how) for how, number in told.items()]


BAD = [
    requests(4, HTTP, "2xx"), requests(1, HTTP, "5xx"), requests(2, FORM, "3xx"),
    requests(3, HTTP, "4xx"), requests(9, OTHER, "5xx"), requests(9, READ, "5xx"),
    *posted(ok=5, failed=1, refused=2), (registry.SESSIONS_LOST, 2),
]  # fmt: skip


def test_a_sample_counts_sends_by_every_way_and_of_them_those_that_failed_here():
    taken = samples.take(snapshot(0, *BAD))
    assert (taken["posts"], taken["failed"], taken["lost"]) == (18, 2, 2)
    assert samples.count_of(taken["requests"]) == 28
    none = samples.take(snapshot(0, *calls("get", up_to_5=9)))
    assert (none["posts"], none["failed"], none["lost"]) == (0, 0, 0)


@pytest.fixture
def report(app, monkeypatch):
    """The report of a drill in which this was counted, in numbers and in words."""
    at = [fire_drill.NONE]
    monkeypatch.setattr(fire_drill, "phase", lambda: at[0])

    def made(during, after=()):
        Drill.begin({"id": "1", "nickname": "olga"}, 0, 0)
        run = Drill.read()["run"]
        monkeypatch.setattr(fire_drill, "run", lambda: run)
        reporter = drill_reports.Reporter(f"group-{ObjectId()}")
        seen = [(fire_drill.NEAR, 0, ()), (fire_drill.AWAY, 3, ()), (fire_drill.BACK, 63, during),
                (fire_drill.NONE, 70, during), (fire_drill.NONE, 100, after or during)]  # fmt: skip
        for phase, second, counted in seen:
            at[0] = phase
            sample = samples.take(snapshot(second, *counted))
            reporter.look(sample, lambda: samples.take(snapshot(-60)))
        told = drill_reports.read(Drill.read())
        return told, told["sentence"]

    with app.test_request_context():
        yield made


def test_what_failed_and_who_was_logged_out_is_said(report):
    told, shown = report(BAD)
    assert (told["posts"], told["failed"], told["lost"]) == (18, 2, 2)
    assert told["complete"]
    assert told["times"]["during"]["count"] == 28
    assert told["times"]["after"]["count"] == 0
    assert "Someone was affected." in shown
    assert told["state"] == "down"


@pytest.mark.parametrize("bad", [[requests(1, HTTP, "5xx")], posted(failed=1),
                                 [(registry.SESSIONS_LOST, 1)]])  # fmt: skip
def test_one_failure_during_or_after_the_drill_makes_the_report_bad(report, bad):
    for counted in ((bad, bad), ([], bad)):
        _told, shown = report(*counted)
        assert "Someone was affected." in shown


def test_that_nobody_was_affected_is_said_only_if_somebody_wrote(report):
    _told, shown = report([requests(1, HTTP, "2xx")])
    assert "No one was affected." in shown
    _told, shown = report([requests(50, READ, "2xx")])
    assert "No one was affected." not in shown
    assert "No one wrote anything in the meantime" in shown


def test_a_session_that_no_store_knows_is_counted_and_a_visitor_without_one_is_not(app):
    visitor = app.test_client()
    cookie = app.config["SESSION_COOKIE_NAME"]

    def lost():
        return registry.SESSIONS_LOST.values[()]

    before = lost()
    visitor.get("/login")
    visitor.get("/api/me")
    visitor.get("/login")  # with the session of a form, which a store knows
    visitor.set_cookie(cookie, "nonsense")
    visitor.get("/login")
    assert lost() == before
    visitor.set_cookie(cookie, secrets.token_urlsafe(32))
    visitor.get("/api/me")
    assert lost() == before + 1
    visitor.get("/health")
    assert lost() == before + 1
