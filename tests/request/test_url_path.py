"""A rule for a path holds for paths below it, not for all that begin with the same letters."""

import pytest
from flask import Flask

from chat.auth.token_mask import unmask
from chat.request.url_path import is_within
from tests.conftest import NewPerson
from tests.support.small_app import leave, redis_url, small_app

NEIGHBOURS = ("/healthy-food", "/metricsfoo", "/favicon.ico.map", "/statically")


@pytest.mark.parametrize("path", ["/health", "/health/", "/health/redis", "/metrics"])
def test_a_place_and_what_lies_in_it_are_within(path: str) -> None:
    assert is_within(path, ["/health", "/metrics"])


@pytest.mark.parametrize(
    "path", ["/healthy-food", "/", "/a/health", "/healt", "/metricsfoo/health"]
)
def test_what_begins_like_a_place_is_not(path: str) -> None:
    assert not is_within(path, ["/health", "/metrics"])


@pytest.mark.parametrize("path", NEIGHBOURS)
def test_a_page_beside_those_without_a_session_knows_who_asks(
    new_person: NewPerson, path: str
) -> None:
    alice = new_person()
    of_the_session, alice.csrf = unmask(alice.csrf), ""
    assert alice.get(path).status_code == 404
    assert unmask(alice.csrf) == of_the_session


@pytest.mark.parametrize("path", NEIGHBOURS[:2])
def test_a_page_beside_the_health_checks_is_sent_to_https(path: str) -> None:
    made = small_app(redis_url(), PRODUCTION=True, TRUSTED_PROXIES=1)
    answer = made.test_client().get(path, headers={"X-Forwarded-Proto": "http"})
    leave()
    assert answer.status_code == 308


def test_a_page_beside_those_that_are_not_logged_is_logged(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["LOG_REQUESTS"] = True
    client = app.test_client()
    with caplog.at_level("INFO", "chat.logging.setup"):
        for path in ("/health", "/static/app.css", "/metrics"):
            client.get(path)
        assert not caplog.records
        for path in NEIGHBOURS:
            client.get(path)
    assert len(caplog.records) == len(NEIGHBOURS)
