"""A real app whose Redis is taken away: the alert is logged, posted, said in a channel, and over.

What is said in a channel is said once, however many processes see it.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chat.embedded.process import LOOPBACK
from chat.models.message import NOBODY
from tests.support.people import Person
from tests.support.waiting import eventually


@pytest.fixture
def webhook():
    """Somebody who is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args):
            pass

    told = []
    server = HTTPServer((LOOPBACK, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.told, server.url = told, f"http://{LOOPBACK}:{server.server_port}/hook"
    yield server
    server.shutdown()
    server.server_close()


def said(person, channel_id):
    """What the installation itself said in a channel."""
    page = person.get(f"/api/channels/{channel_id}/messages").json()["messages"]
    return [message["text"] for message in page if message["author"]["id"] == NOBODY]


def the_channel(person, slug):
    channels = person.get("/api/channels").json()["channels"]
    return next(channel["id"] for channel in channels if channel["slug"] == slug)


def test_redis_is_killed_and_the_alert_is_told_once_by_one_of_two_workers(launch_app, webhook):
    """And said once in a channel, although a second gunicorn sees it, too."""
    app = launch_app(ALERT_WEBHOOK=webhook.url, ALERT_CHANNEL="general", WEB_CONCURRENCY="2")
    beside = launch_app(beside=app, ALERT_CHANNEL="general")
    redis = launch_app.redis[0]
    owner = Person(app.url, "olga").set_up()
    general = the_channel(owner, "general")
    redis.kill()
    eventually(lambda: webhook.told)
    assert [(t["alert"], t["state"]) for t in webhook.told] == [("redis_unreachable", "on")]
    assert "Look at the Redis server" in webhook.told[0]["text"]
    assert "Redis не отвечает" in webhook.told[0]["texts"]["ru"]
    both = [each.log for each in (app, beside)]
    eventually(lambda: all("Alert: Redis does not answer" in log.read_text() for log in both))
    eventually(lambda: said(owner, general))
    redis.start()
    eventually(lambda: len(webhook.told) == 2)
    over = webhook.told[1]
    assert (over["alert"], over["state"]) == ("redis_unreachable", "off")
    assert over["lasted_s"] > 0
    log = app.log.read_text()
    assert log.count("Alert: Redis does not answer") == 1
    assert log.count("Alert over after") == 1
    eventually(lambda: all("Alert over after" in log.read_text() for log in both))
    begins, ends = eventually(lambda: len(found := said(owner, general)) > 1 and found)
    assert begins.startswith("**Alert.** Redis does not answer; the chat works without it")
    assert ends.startswith("**Over** after ")
    assert ends.endswith(": Redis does not answer.")
    owner.close()
