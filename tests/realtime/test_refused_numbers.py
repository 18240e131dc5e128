"""A post whose number another process has taken is stored under the next one."""

import json

import pytest
from bson import ObjectId
from mongoengine import signals

from chat.cache import updates
from chat.models import Message, base, message_insert

CHANNEL, AUTHOR = "c" * 24, "d" * 24


@pytest.fixture
def post(app):
    def posted(n):
        text = f"text {n}"
        return message_insert.post(CHANNEL, AUTHOR, "Ann", text, text, f"client-{n:04}")[0]

    with app.app_context():
        yield posted


def test_what_is_returned_is_what_is_stored_under_the_next_number(post):
    post(1)
    base.NUMBERS.learn(ObjectId(CHANNEL), 0, 0)  # another process posted, and this one missed it
    message = post(2)
    assert message["seq"] == 2
    assert message == Message.page(CHANNEL, None, None, 10)[0][-1]


def test_a_write_is_announced_once_however_often_a_number_is_refused(post):
    announced = []

    def heard(_sender, document, **_):
        announced.append(document)

    signals.pre_save.connect(heard, sender=Message)
    post(1)
    base.NUMBERS.learn(ObjectId(CHANNEL), 0, 0)
    assert post(2)["seq"] == 2
    assert len(announced) == 2


def test_what_others_have_stored_is_not_tried_again(app, post, monkeypatch):
    post(1)
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
    assert post(2)["seq"] == 2
