"""The begin and the end of an alert are posted once, whichever processes see it or die.

Each herald here belongs to another gunicorn; it runs when the test says so.
"""

import time
from datetime import timedelta

import pytest
from bson import ObjectId

from chat.models import Alert, Channel, Message, Site, base
from chat.models.alert import LEASE_MS
from chat.monitoring.status import alert_rules
from chat.monitoring.status.alert_rules import BY_NAME, State
from chat.monitoring.status.channel_alerts import ARCHIVED, MISSING, Herald
from chat.protocol import NOBODY
from chat.services import accounts, system_messages

RULE = BY_NAME["redis_unreachable"]


class Seer:
    """One gunicorn: what it sees, as its keeper would tell it."""

    def __init__(self, app, name):
        self.herald = Herald(app, name)
        self.states = {}

    def sees(self, on, at=None, look=True):
        now = at or time.time()
        before = self.states.get(RULE.name, State())
        after = State(on=on, since=now if on else None, value=1.0)
        self.states = {RULE.name: after}
        self.herald.note(self.states, [(RULE, before, after)], now)
        if look:
            self.herald.look()


@pytest.fixture
def place(app):
    """The channel, with two gunicorns that know it."""
    app.config["ALERT_CHANNEL"] = "ops"
    with app.test_request_context():
        channel = Channel(slug="ops", name="Ops", kind="public", created_by=ObjectId())
        channel.save()
        yield {"id": str(channel.id), "one": Seer(app, "one"), "two": Seer(app, "two"), "app": app}


def said(place):
    page, _more = Message.page(place["id"], None, None, 50)
    assert all(message["author"]["id"] == NOBODY for message in page)
    return [message["text"].partition(" ")[0] for message in page]


BEGIN, END = "**Alert.**", "**Resolved**"


def test_the_first_group_begins_an_alert_and_the_last_ends_it(place):
    one, two = place["one"], place["two"]
    one.sees(True)
    two.sees(True)
    assert said(place) == [BEGIN]
    one.sees(False)
    assert said(place) == [BEGIN]
    two.sees(False)
    one.herald.look()
    assert said(place) == [BEGIN, END]
    two.sees(True)
    assert said(place) == [BEGIN, END, BEGIN]


def test_a_dead_group_does_not_keep_an_alert_on(place):
    place["one"].sees(True)
    place["two"].herald.look()
    assert said(place) == [BEGIN]
    stored = Alert.open_ones()[0]
    long_ago = stored["now"] - timedelta(milliseconds=LEASE_MS + 1)
    Alert._get_collection().update_one({"_id": RULE.name}, {"$set": {"by.one": long_ago}})
    place["two"].herald.look()
    assert said(place) == [BEGIN, END]


def test_a_new_leader_of_the_same_gunicorn_continues_its_alerts(place):
    place["one"].sees(True)
    successor = Seer(place["app"], "one")
    successor.states = dict(place["one"].states)
    successor.herald.note(successor.states, [], time.time())
    successor.herald.look()
    assert said(place) == [BEGIN]
    successor.sees(False)
    assert said(place) == [BEGIN, END]


def test_what_was_said_by_somebody_who_died_then_is_not_said_again(place):
    place["one"].sees(True, look=False)
    Alert.hold(RULE.name, "one", base.now(), 1.0)
    (row,) = Alert.open_ones()
    channel = Channel.find(place["id"])
    assert system_messages.post(channel, f"{BEGIN} by the dead", f"alert-{row['due'][0]['id']}")
    place["two"].herald.look()
    assert said(place) == [BEGIN]
    assert Alert.open_ones()[0]["due"] == []


def test_what_began_and_ended_while_nothing_could_be_stored_is_said_once_afterwards(place):
    one, two, now = place["one"], place["two"], time.time()
    for seer in (one, two):
        seer.sees(True, at=now - 60, look=False)
        seer.sees(False, at=now - 30, look=False)
    one.herald.look()
    two.herald.look()
    assert said(place) == [BEGIN, END]


@pytest.mark.parametrize("trouble", [MISSING, ARCHIVED])
def test_notices_without_a_channel_are_dropped_and_logged_once(place, caplog, trouble):
    change = {"set__slug": "elsewhere"} if trouble == MISSING else {"set__archived": True}
    Channel.change(place["id"], **change)
    one = place["one"]
    one.sees(True)
    one.sees(False)
    one.herald.look()
    assert one.herald.trouble == trouble
    assert len([record for record in caplog.records if "ALERT_CHANNEL" in record.message]) == 1
    Channel.change(place["id"], set__slug="ops", set__archived=False)
    one.herald.look()
    assert one.herald.trouble == ""
    assert said(place) == []
    one.sees(True)
    assert said(place) == [BEGIN]


def test_alerts_are_posted_in_the_language_of_the_installation(app):
    app.config["ALERT_CHANNEL"] = "ops"
    with app.test_request_context(headers={"Accept-Language": "ru"}):
        made = accounts.set_up("Отдел", "olga", "correct horse battery staple")
    with app.test_request_context():
        assert system_messages.site_language() == "ru"
        accounts.User.change(made["user"]["id"], set__locale="en")
        assert system_messages.site_language() == "en"
        accounts.User.change(made["user"]["id"], set__locale="ru")
        Site.objects(id="site").update_one(unset__locale=1)
        Channel.change(made["channel"]["id"], set__slug="ops")
        Seer(app, "one").sees(True)
        page, _more = Message.page(made["channel"]["id"], None, None, 50)
        assert page[-1]["author"]["nickname"] == "Состояние серверов"
        assert page[-1]["text"].startswith("**Внимание.** Redis не\xa0отвечает")


def test_every_alert_has_a_message(app):
    from chat.monitoring.status import alert_texts

    with app.test_request_context():
        for rule in alert_rules.RULES:
            assert alert_texts.message(rule.name, True, 0.9, None).startswith(BEGIN)
            assert alert_texts.message(rule.name, False, None, 7300).startswith(
                f"{END} after 2 hours: "
            )
        assert alert_texts.message(
            "redis_memory", True, 0.9, None, "https://chat.example/"
        ).endswith("admins: https://chat.example/admin/status")
