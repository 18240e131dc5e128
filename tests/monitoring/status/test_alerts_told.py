"""A real app whose Redis fills up and fails: alerts are shown, logged, posted, and end.

What is said in a channel is said once, however many processes see it.
"""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chat.embedded.process import LOOPBACK
from chat.protocol import NOBODY
from tests.support.people import Person
from tests.support.processes import Launcher
from tests.support.waiting import eventually

HURRIED = "tests.monitoring.status.hurried_wsgi"


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def site(tmp_path_factory, mongod, webhook):
    """An app of two workers, a second gunicorn beside it, a Redis of theirs, and an owner.

    How long alerts are held is what ``test_alerts`` is about; here they are held a fifth of it.
    """
    launcher = Launcher(tmp_path_factory.mktemp("told"), mongod.uri)
    hurried = {"wsgi": HURRIED, "ALERT_CHANNEL": "general"}
    app = launcher(ALERT_WEBHOOK=webhook.url, WEB_CONCURRENCY="2", **hurried)
    launcher(beside=app, **hurried)
    launcher.owner = Person(app.url, "olga").set_up()
    yield launcher
    launcher.owner.close()
    launcher.close()


def part(person, name):
    """The words in a part of the status page."""
    page = person.get("/admin/status").text
    words = re.sub(r"<[^>]+>", " ", page[page.index(f'id="{name}"') :].partition("</section>")[0])
    return re.sub(r"\s+", " ", words)


def test_a_nearly_full_redis_and_the_kill_switch_are_shown_and_posted(site, webhook):
    redis, owner = site.redis[0].client(), site.owner
    redis.setrange("ballast", 20_000_000, "x")  # beside it a connection more or less is nothing
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / 0.88))
    assert owner.post_form("/admin/control/kill").status_code == 303

    def shown():
        alerts = part(owner, "live-alerts")
        return "Redis memory is 8" in alerts and "7 parts do not use Redis by choice" in alerts

    eventually(shown, seconds=120, every=0.5)
    eventually(lambda: len(webhook.told) >= 2)  # it is posted after it is shown
    told = {one["alert"]: one for one in webhook.told}
    assert told.keys() == {"redis_memory", "rolled_back"}
    assert 0.8 < told["redis_memory"]["value"] < 1
    assert told["redis_memory"]["severity"] == "warning"
    assert (told["rolled_back"]["severity"], told["rolled_back"]["value"]) == ("info", 7)

    redis.config_set("maxmemory", 0)
    redis.delete("ballast")
    assert owner.post_form("/admin/control/back").status_code == 303
    assert (
        len(re.findall(r"olga previous values restored [^%]*? 0 % → 100 %", part(owner, "audit")))
        == 7
    )
    eventually(lambda: ("rolled_back", "off") in [(t["alert"], t["state"]) for t in webhook.told])
    eventually(lambda: "by choice" not in part(owner, "live-alerts"))


def test_redis_is_killed_and_the_alert_is_told_once_by_one_of_two_workers(site, webhook):
    """And said once in a channel, although a second gunicorn sees it, too."""
    redis, owner = site.redis[0], site.owner
    general = the_channel(owner, "general")

    def told():
        return [one for one in webhook.told if one["alert"] == "redis_unreachable"]

    def heard():
        return [text for text in said(owner, general) if "Redis is not responding" in text]

    def over(log):
        return re.findall(r"Alert over after \d+ s: Redis is not responding", log.read_text())

    redis.kill()
    eventually(told)
    assert [one["state"] for one in told()] == ["on"]
    assert "Check the Redis server" in told()[0]["text"]
    assert "Redis не\xa0отвечает" in told()[0]["texts"]["ru"]
    both = [each.log for each in site.launched]
    eventually(lambda: all("Alert: Redis is not responding" in log.read_text() for log in both))
    eventually(heard)
    redis.start()
    eventually(lambda: len(told()) == 2)
    assert told()[1]["state"] == "off"
    assert told()[1]["lasted_s"] > 0
    assert both[0].read_text().count("Alert: Redis is not responding") == 1
    assert len(over(both[0])) == 1
    eventually(lambda: all(over(log) for log in both))
    begins, ends = eventually(lambda: len(found := heard()) > 1 and found)
    assert begins.startswith("**Alert.** Redis is not responding; the chat works without it")
    assert ends.startswith("**Resolved** after ")
    assert ends.endswith(": Redis is not responding.")
