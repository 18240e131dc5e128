"""The status page while MongoDB is down: it waits at most once, and not if that is known."""

import pytest
from pymongo.errors import NetworkTimeout

from chat.monitoring import snapshot
from chat.monitoring.status import last_day, page, time_budget
from chat.views import errors, status


def commands():
    return snapshot.totals(snapshot.own())["mongodb"]["commands"]


def all_that_is_asked(app):
    """How many commands the parts of the page send to MongoDB."""
    with app.app_context(), app.test_request_context():
        before = commands()
        page.live(), status._last_drill(), status._rollout()
        return commands() - before


def test_a_mongodb_that_is_known_to_be_away_is_not_asked(app, monkeypatch):
    monkeypatch.setattr(last_day, "_kept", None)
    assert all_that_is_asked(app) >= 4
    monkeypatch.setattr(last_day, "_kept", None)
    app.extensions["chat_status"].mongo.record("NetworkTimeout", None)
    assert all_that_is_asked(app) == 0
    with app.app_context(), app.test_request_context():
        assert status._last_drill() == {"drill": None, "drill_known": False}
        assert status._rollout() == {"features": None, "entries": None, "killed": {}}
        assert page.live()["charts"] is None


@pytest.mark.parametrize("mistake", [NetworkTimeout("it hangs"), None])
def test_one_page_waits_once_for_a_mongodb_that_hangs(app, mistake, monkeypatch):
    asked = []

    def hangs():
        asked.append(1)
        if mistake:
            raise mistake
        now[0] += time_budget.PATIENCE  # it has answered at last
        return "late"

    now = [1000.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: now[0])
    for requests in (1, 2):
        with app.app_context(), app.test_request_context():
            first = time_budget.ask(hangs, "not known")
            assert first == ("not known" if mistake else "late")
            assert time_budget.ask(hangs, "not known") == "not known"
        assert len(asked) == requests


def test_the_error_page_says_which_stores_do_not_answer(app, monkeypatch):
    def said():
        with app.app_context(), app.test_request_context():
            return errors.error_page(503).get_data(as_text=True)

    assert "is not responding.</p>" not in said().replace("The database is not responding", "")
    app.extensions["chat_status"].mongo.record("NetworkTimeout", None)
    assert "MongoDB is not responding." in said()
    assert "Redis is not responding." not in said()
    monkeypatch.setattr(errors.redis, "state", lambda: {"status": "down", "error": "secret"})
    assert "Redis is not responding." in said()
    assert "secret" not in said()
    assert "NetworkTimeout" not in said()
