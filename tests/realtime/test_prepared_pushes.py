"""What is told of a message is made ready while MongoDB stores it, and told only when it has."""

import json

import gevent
import pytest
from bson import ObjectId
from mongoengine import signals

from chat.cache import updates
from chat.models import Message, base, message_insert
from chat.realtime.outgoing import broadcasts

CHANNEL, AUTHOR = "c" * 24, "d" * 24


@pytest.fixture
def post(app):
    """Posts, and lets what was begun beside it have its turn, as it has while a server waits."""

    def posted(n, meanwhile):
        text = f"text {n}"
        message, _ = message_insert.post(
            CHANNEL, AUTHOR, "Ann", text, text, f"client-{n:04}", meanwhile
        )
        gevent.sleep(0)
        return message

    with app.app_context():
        yield posted


def test_what_is_prepared_is_what_is_stored(post):
    prepared = []
    message = post(1, prepared.append)
    assert prepared == [message] == Message.page(CHANNEL, None, None, 10)[0]


def test_what_was_prepared_under_a_number_that_was_taken_is_not_the_message(post):
    prepared, place = [], ObjectId(CHANNEL)
    post(1, prepared.append)
    base.NUMBERS.learn(place, 0, 0)  # another process has posted, and this one did not see it
    message = post(2, prepared.append)
    _, refused = prepared
    assert message == Message.page(CHANNEL, None, None, 10)[0][-1]
    assert (refused["seq"], message["seq"]) == (1, 2)
    assert refused["id"] != message["id"]


def test_a_prepared_row_is_not_rendered_again(post, monkeypatch):
    message = post(1, broadcasts.prepare)
    monkeypatch.setattr(broadcasts, "_render", lambda *_: pytest.fail("rendered twice"))
    assert "text 1" in broadcasts.row(message)


def test_a_write_is_announced_once_however_often_a_number_is_refused(post):
    announced = []

    def heard(_sender, document, **_):
        announced.append(document)

    signals.pre_save.connect(heard, sender=Message)
    post(1, None)
    base.NUMBERS.learn(ObjectId(CHANNEL), 0, 0)
    assert post(2, None)["seq"] == 2
    assert len(announced) == 2


def test_what_others_have_stored_is_not_tried_again(app, post, monkeypatch):
    post(1, None)
    message = Message.page(CHANNEL, None, None, 10)[0][0]
    base.NUMBERS.learn(ObjectId(CHANNEL), 0, 0)
    numbers = {"seq": message["seq"], "rev": message["rev"]}
    event = {
        "type": "changed",
        "id": message["id"],
        "channel": CHANNEL,
        "origin": f"{updates.bus.name}0",
        **numbers,
    }
    updates._receiver(app, "messages")(json.dumps(event).encode())
    monkeypatch.setattr(base.NUMBERS, "forget", lambda _: pytest.fail("a number was refused"))
    assert post(2, None)["seq"] == 2
