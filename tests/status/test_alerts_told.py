"""A real app whose Redis is taken away: the alert is logged, posted and over again."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chat.embedded.process import LOOPBACK
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


def test_redis_is_killed_and_the_alert_is_told_once_by_one_of_two_workers(launch_app, webhook):
    app = launch_app(ALERT_WEBHOOK=webhook.url, WEB_CONCURRENCY="2")
    redis = launch_app.redis[0]
    owner = Person(app.url, "olga").set_up()
    redis.kill()
    eventually(lambda: webhook.told)
    assert [(t["alert"], t["state"]) for t in webhook.told] == [("redis_unreachable", "on")]
    assert "Look at the Redis server" in webhook.told[0]["text"]
    assert "Redis не отвечает" in webhook.told[0]["texts"]["ru"]
    redis.start()
    eventually(lambda: len(webhook.told) == 2)
    over = webhook.told[1]
    assert (over["alert"], over["state"]) == ("redis_unreachable", "off")
    assert over["lasted_s"] > 0
    log = app.log.read_text()
    assert log.count("Alert: Redis does not answer") == 1
    assert log.count("Alert over after") == 1
    owner.close()
