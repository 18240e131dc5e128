"""The verdict of the status page: since when, the effect on people, and the advice."""

from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from flask import Flask

from chat.cache import fire_drill
from chat.folders import TRANSLATIONS
from chat.i18n import compile_catalogues, flask_babel, local_time
from chat.monitoring.status import formats, summary

UP = {"status": "up", "since": "2026-05-03T12:00:00+00:00", "next_retry_s": None}


@pytest.fixture
def says(monkeypatch):
    """What is said to a reader in a zone."""
    compile_catalogues()
    app = Flask(__name__)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    flask_babel.init_app(app, locale_selector=lambda: app.config.get("LANGUAGE", "en"))
    monkeypatch.setattr(fire_drill, "phase", lambda: fire_drill.NONE)

    def say(mongo=UP, door=UP, others_up=True, outage=None, zone="UTC", language="en"):
        app.config["LANGUAGE"] = language
        cookie = SimpleCookie({"tz": zone}).output(header="", sep=";").strip()
        with app.test_request_context(headers={"Cookie": cookie}):
            return summary.decide(mongo, door, others_up, [], 30.0, outage)

    return say


def down(since):
    return {"status": "down", "since": since.isoformat(), "next_retry_s": 1.5, "error": "gone"}


@pytest.fixture
def half_past_nine(monkeypatch):
    """The time at which it is read."""
    now = datetime(2026, 5, 3, 9, 30, tzinfo=UTC)
    monkeypatch.setattr(formats, "today", lambda: local_time(now.isoformat()).date())
    return now


@pytest.mark.parametrize("card", ["mongo", "door"])
def test_a_time_of_another_day_has_its_date_as_the_reader_counts_days(says, half_past_nine, card):
    def since(hours, **reader):
        gone = down(half_past_nine - timedelta(hours=hours))
        return says(**{card: gone}, **reader).sentence.replace("\u202f", " ")

    assert "since 8:30 AM" in since(1)
    assert "since Apr 30, 2026, 9:30 AM" in since(72)
    assert "с\xa030 апр. 2026" in since(72, language="ru")
    assert "since May 2, 2026, 11:30 PM" in since(10)
    assert "since 12:30 PM" in since(10, zone="Pacific/Pago_Pago")  # the same moment, and day


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        (None, "Messages and log-ins keep working; pages are a little slower."),
        ({"posts": 0, "failed": 0, "lost": 0}, "Messages and log-ins keep working"),
        ({"posts": 7, "failed": 0, "lost": 0}, "No one is affected: everyone can keep writing"),
        ({"posts": 7, "failed": 1, "lost": 0}, "1 message could not be sent since."),
        ({"posts": 7, "failed": 2, "lost": 3}, "2 messages could not be sent since."),
        ({"posts": 7, "failed": 0, "lost": 3}, "3 requests came with an unknown session"),
    ],
)
def test_that_nobody_is_affected_is_said_only_where_it_was_counted(says, counted, said):
    gone = down(datetime.now(UTC))
    for told in (says(door=gone, outage=counted), says(others_up=False, outage=counted)):
        assert said in told.sentence
        assert ("Nobody is affected" in told.sentence) == said.startswith("Nobody")
        assert told.state == summary.WARN
        assert told.advice
    russian = says(door=gone, outage=counted, language="ru").sentence
    assert russian.startswith("Работает без Redis с\xa0")
    assert not {"message", "session", "Nobody", "Messages"} & set(russian.split())


@pytest.mark.parametrize("phase", [fire_drill.NEAR, fire_drill.AWAY, fire_drill.BACK])
def test_every_phase_of_a_fire_drill_says_that_there_is_nothing_to_do(says, monkeypatch, phase):
    monkeypatch.setattr(fire_drill, "phase", lambda: phase)
    told = says(door=down(datetime.now(UTC)))
    assert "ire drill" in told.sentence
    assert told.advice.startswith("Nothing to do")


def test_when_all_is_well_it_says_so_and_nothing_is_to_be_done(says):
    told = says()
    assert (told.state, told.sentence, told.advice) == (
        summary.OK, "Everything works.", "Nothing to do.",
    )  # fmt: skip
