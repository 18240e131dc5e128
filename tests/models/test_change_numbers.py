"""The change numbers of a channel: none is given twice."""

import pytest

from chat.models import Message, base, message_insert
from chat.models.message_change import change

CHANNEL, AUTHOR = "a" * 24, "b" * 24


@pytest.fixture
def channel(app):
    """An empty channel, as two processes see it: what each knows is put in place of the other's."""
    with app.app_context():
        yield CHANNEL


def post(n):
    return message_insert.post(CHANNEL, AUTHOR, "Ann", f"text {n}", "", f"client-{n:04}")[0]


def set_text(message, text, **fields):
    return change(message, {"$set": {"text": text, **fields}}).message


def known():
    from bson import ObjectId

    return ObjectId(CHANNEL), base.NUMBERS.get(ObjectId(CHANNEL))


def test_a_number_left_by_a_second_edit_is_not_taken_by_a_process_that_missed_both(channel):
    message = post(1)
    place, before = known()
    for n in range(3):
        edited = set_text(message, f"edit {n}")
    base.NUMBERS.learn(place, *before)  # the other process has seen the post only

    posted = post(2)

    assert posted["rev"] == edited["rev"] + 1
    assert [m["seq"] for m in Message.changed_since(CHANNEL, edited["rev"], 10)[0]] == [2]


def test_a_message_is_changed_under_a_new_number_whatever_this_process_missed(channel):
    message = post(1)
    place, before = known()
    first, second = set_text(message, "one"), set_text(message, "two")
    base.NUMBERS.learn(place, *before)

    third = set_text(message, "three")

    assert [first["rev"], second["rev"], third["rev"]] == [2, 3, 4]
    assert third["text"] == "three"


def test_a_deleted_message_is_not_changed_any_more(channel):
    message = post(1)
    place, before = known()
    set_text(message, "", deleted=True)
    base.NUMBERS.learn(place, *before)

    assert change(message, {"$set": {"text": "back again"}}).kind == "deleted"
