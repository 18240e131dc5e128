"""Pub/sub channels belong to a whole Redis server: messages of other programs have no effect."""

import json
from typing import Any

import pytest

from chat.cache.updates import FIELDS
from tests.realtime.test_updates import documented
from tests.support.people import Person
from tests.support.servers import SHARED_APP

ROOMS = "chat:socketio"
MALFORMED = (
    b"", b"\xff\xfe", b"-1", b"1e309", b"[]", b"{}", b"null", b'"x"', b"[" * 9999, b'{"origin":5}',
    b'{"host_id":null,"method":"emit"}', b'{"type":["changed"]}', b'{"kind":"sessions_ended"}',
)  # fmt: skip


class Words:
    """What this installation says on its channels, to be imitated."""

    def __init__(self, client: Any, alice: Person, room: str) -> None:
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        pubsub.subscribe(ROOMS)
        while pubsub.get_message(timeout=0.1):
            pass
        alice.say({"id": room}, "a word of ours")
        while not (heard := pubsub.get_message(timeout=1)):
            pass
        self.emit = json.loads(heard["data"])
        pubsub.close()

    def emitted(self, sender: str, **other: Any) -> str:
        everybody = {"event": "system", "room": "everyone", "data": [{"mode": "restarting"}]}
        return json.dumps({**self.emit, "host_id": sender, **everybody, **other})


def ended(sender: Any, user: Any, **other: Any) -> str:
    event = {"kind": "sessions_ended", "user": user, "except": None, "only": None}
    return json.dumps({"origin": sender, **event, **other})


@pytest.fixture
def words(server, valkey, alice: Person, bob: Person, room: str) -> Words:
    return Words(valkey.client(SHARED_APP), alice, room)


def test_foreign_and_malformed_messages_have_no_effect(
    server, beside, valkey, alice, bob, room, words
):
    client, tabs = valkey.client(SHARED_APP), [alice.tab(), bob.tab()]
    before = [app.log.read_text(encoding="utf-8").count("Traceback") for app in (server, beside)]
    elsewhere = words.emit["host_id"].rpartition("-")[0] + "-0"  # a process of this installation
    for channel in (ROOMS, "updates:channels", "updates:messages", "updates:users"):
        for text in MALFORMED:
            client.publish(channel, text)
    for stranger in ("", "other-0123-7", None):
        client.publish("updates:users", ended(stranger, bob.id))
        client.publish(ROOMS, words.emitted(stranger))
    for text in (
        ended(elsewhere, 5), ended(elsewhere, bob.id, only=7), ended(elsewhere, bob.id, more=1),
        ended(elsewhere, bob.id, kind="others"),
    ):  # fmt: skip
        client.publish("updates:users", text)
    for wrong in ({"method": "close_room"}, {"room": None}, {"data": 5}, {"namespace": "/other"}):
        client.publish(ROOMS, words.emitted(elsewhere, **wrong))

    assert tabs[0].post(room, "said afterwards")["ok"]  # and comes behind all that
    tabs[1].hears("said afterwards")
    assert all(tab.connected and not tab.heard("system") for tab in tabs)
    logs = [app.log.read_text(encoding="utf-8") for app in (server, beside)]
    assert [log.count("Traceback") for log in logs] == before
    assert logs[1].count("Somebody else speaks on the Redis channel updates:users") == 1


def test_events_of_other_processes_take_effect(valkey, bob, words):
    client, tab = valkey.client(SHARED_APP), bob.tab()
    elsewhere = words.emit["host_id"].rpartition("-")[0] + "-0"
    client.publish(ROOMS, words.emitted(elsewhere))
    client.publish("updates:users", ended(elsewhere, bob.id))
    tab.is_cut()
    assert tab.heard("system") == [{"mode": "restarting"}]


def test_the_page_about_updates_tells_every_event_with_its_fields():
    declared = {(f"updates:{topic}", name): set(own) for (topic, name), own in FIELDS.items()}
    assert declared == documented()
