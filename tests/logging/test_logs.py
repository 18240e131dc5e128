"""Logs: JSON in production, readable lines in development, no secrets."""

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from gunicorn.config import Config
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure
from redis.exceptions import ResponseError

from chat.auth import setup_token
from chat.logging import redaction
from chat.logging import setup as logging_setup
from chat.web.gunicorn import Unlogged
from tests.support.own_clock import Clock
from tests.support.people import PASSWORD, Person
from tests.support.tabs import cookie_of
from tests.support.waiting import eventually

SAID = "something that is nobody else's business"


class Open(requests.Session):
    """Sends the cookies of a production site although there is no TLS here."""

    def prepare_request(self, request):
        prepared = super().prepare_request(request)
        prepared.headers["Cookie"] = cookie_of(self)
        return prepared


class Browser(Person):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.session = Open()


def lines(app):
    text = app.log.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


@pytest.fixture
def production(launch_app):
    app = launch_app(CHAT_ENV="production", METRICS_TOKEN="a token that nobody can guess")
    return app, Browser(app.url).set_up(token=setup_token.token(app.env))


def test_in_production_each_line_is_json_with_whose_it_is_and_nothing_that_was_said(
    production, launch_app
):
    app, person = production
    token = person.new_token()["token"]
    channel = person.new_channel()
    path = f"/api/channels/{channel['id']}/messages"
    person.say(channel, SAID)
    tab = person.tab()
    tab.socket.call("message:post", {"channel": channel["id"], "text": SAID, "client_id": "c" * 8})
    tab.socket.call("message:post", {"channel": channel["id"], "text": SAID, "client_id": 7})
    requests.get(f"{app.url}/login?next=/{SAID.replace(' ', '-')}", timeout=30)
    person.api("POST", path, raw=SAID.encode(), content_type="application/json")
    person.get("/metrics", headers={"Authorization": f"Bearer {app.env['METRICS_TOKEN']}"})
    for _ in range(3):  # the last ones are given again without going through Flask
        mine = person.api("GET", path, headers={"X-Request-ID": "from-the-caller"})
        assert mine.headers["X-Request-ID"] == "from-the-caller"
    strange = person.api("GET", path, headers={"X-Request-ID": "two words; and a semicolon"})
    assert logging_setup.REQUEST_ID.fullmatch(strange.headers["X-Request-ID"])
    launch_app.redis[0].kill()
    eventually(lambda: any("Redis is down" in line["message"] for line in lines(app)))
    asked = [line for line in lines(app) if line.get("request_id") == "from-the-caller"]
    assert len(asked) == 3
    for line in asked:
        assert line["user_id"] == person.id
        assert (line["message"], line["status"]) == (f"GET {ROUTE}", 200)
        assert {"time", "level", "logger", "ms"} <= line.keys()
    text = app.log.read_text(encoding="utf-8")
    secrets = (SAID, SAID.replace(" ", "-"), PASSWORD, token, person.csrf, person.cookie)
    secrets += (app.env["SECRET_KEY"], app.env["METRICS_TOKEN"], "semicolon")
    assert [one for one in secrets if one.rpartition("session=")[2] in text] == []
    tab.close()


ROUTE = "/api/channels/<channel_id>/messages"
FORBIDDEN = {"text": {"$not": {"$regex": "nobody else"}}}


def test_what_the_database_refuses_is_not_quoted_by_the_log_either(production):
    app, person = production
    channel = person.new_channel()
    database = MongoClient(app.env["MONGODB_URI"]).get_default_database()
    database.command("collMod", "messages", validator=FORBIDDEN)

    def say(number):
        path = f"/api/channels/{channel['id']}/messages"
        said = {"text": f"{SAID} {number}", "client_id": f"client-{number:04}"}
        return person.post(path, said).status_code

    with ThreadPoolExecutor(8) as several:  # some are stored together, and refused together
        assert set(several.map(say, range(24))) == {500}
    tab = person.tab()
    sent = {"channel": channel["id"], "text": SAID, "client_id": "socket-1"}
    assert tab.socket.call("message:post", sent)["error"] == "server"
    tab.close()
    told = [line["exception"] for line in lines(app) if "exception" in line]
    assert any(one.endswith("WriteError: code 121") for one in told)
    assert any(one.endswith("BulkWriteError: code 65") for one in told)
    assert any(line["message"] == f"POST {ROUTE} failed" for line in lines(app))
    text = app.log.read_text(encoding="utf-8")
    assert SAID not in text
    assert channel["id"] not in text  # nor any path: one may have an invite's code in it


@pytest.mark.parametrize(
    "words",
    [
        "Command # 2 (SET cache:x (secret)) of pipeline caused error: wrong kind",
        "unknown command 'SETX', with args beginning with: 'cache:x' 'secret'",
    ],
)
def test_what_redis_refuses_is_named_without_its_values(words):
    told = redaction.brief(ResponseError(words))
    assert "secret" not in told
    assert told.startswith(("ResponseError: Command # 2 of pipeline", "ResponseError: unknown"))


def test_an_error_is_told_with_what_it_came_from_and_where():
    try:
        try:
            raise OperationFailure(SAID, 7)
        except OperationFailure as error:
            raise KeyError("outer") from error
    except KeyError as error:
        told = redaction.trace(error)
    first, second = told.split("and then:")
    assert SAID not in told
    assert first.strip().endswith("OperationFailure: code 7")
    assert second.strip().endswith("KeyError: …")
    assert told.count("test_logs.py") == 2


def test_repeated_errors_are_one_line_and_later_their_number(caplog, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(redaction, "time", clock)
    warn = redaction.Seldom(logging.getLogger("chat.x"), "gone")
    for _ in range(300):
        warn(AutoReconnect("no"))
    clock.now += redaction.Seldom.EVERY
    warn(AutoReconnect("no"))
    assert [record.getMessage() for record in caplog.records] == [
        "gone: AutoReconnect: no",
        "gone: AutoReconnect: no (299 times more since the last such line)",
    ]


def test_gunicorn_says_that_a_request_failed_without_its_address(caplog):
    logger = Unlogged(Config())
    with caplog.at_level(logging.WARNING, logger="gunicorn.error"):
        logger.error_log.propagate = True
        logger.exception("Error handling request %s %s", "GET", "/join/secret")
        logger.warning("Invalid request from ip=::1: Invalid HTTP request line: '/join/secret'")
    assert [record.getMessage() for record in caplog.records] == [
        "Error handling request",
        "Invalid request from ip=::1",
    ]


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


def test_an_error_that_cannot_be_formatted_is_logged_by_its_type():
    assert redaction.brief(Mute()) == "Mute"
    assert redaction.brief(ValueError("invalid literal for int() with base 10: 'secret'")) == (
        "ValueError: invalid literal for int() with base 10: …"
    )


def test_the_error_of_a_greenlet_is_one_line_too():
    record = logging.LogRecord("chat.x", logging.ERROR, "f", 1, "no %s", ("luck",), failure())
    record.request_id, record.user_id = "r1", None
    line = json.loads(logging_setup.JsonLines().format(record))
    assert (line["message"], line["level"], line["request_id"]) == ("no luck", "error", "r1")
    assert "ValueError: it" in line["exception"]
    assert "user_id" not in line


def failure():
    try:
        raise ValueError("it")
    except ValueError:
        return sys.exc_info()


def test_in_development_a_line_can_be_read_and_says_whose_it_is():
    record = logging.LogRecord("chat.x", logging.INFO, "f", 1, "hello", (), None)
    record.request_id, record.user_id, record.status = "r1", "u1", 200
    text = logging_setup.Readable().format(record)
    assert text.endswith("INFO chat.x: hello status=200 request_id=r1 user_id=u1")


def test_lines_of_one_socket_event_have_one_id(app):
    with app.test_request_context("/"):
        first = logging_setup.current_id()
        assert logging_setup.REQUEST_ID.fullmatch(first)
        assert logging_setup.current_id() == first
