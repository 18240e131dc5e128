"""Logs that a machine can read in production and a person in development, without secrets."""

import json
import logging
import sys

import pytest
import requests

from chat import logs
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
    return app, Browser(app.url).set_up()


def test_in_production_each_line_is_json_with_whose_it_is_and_nothing_that_was_said(
    production, launch_app
):
    app, person = production
    token = person.post("/api/tokens", {"name": "a bot"}).json()["token"]
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
    assert logs.REQUEST_ID.fullmatch(strange.headers["X-Request-ID"])
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


def test_what_a_greenlet_fails_with_is_one_line_too():
    record = logging.LogRecord("chat.x", logging.ERROR, "f", 1, "no %s", ("luck",), failure())
    record.request_id, record.user_id = "r1", None
    line = json.loads(logs.JsonLines().format(record))
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
    text = logs.Readable().format(record)
    assert text.endswith("INFO chat.x: hello status=200 request_id=r1 user_id=u1")


def test_lines_of_one_socket_event_have_one_id(app):
    with app.test_request_context("/"):
        first = logs.current_id()
        assert logs.REQUEST_ID.fullmatch(first)
        assert logs.current_id() == first
