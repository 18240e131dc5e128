"""`updates:*` (R8): the published events match docs/updates.md, are small, and come once."""

import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from flask import Flask

from chat.auth.account import Account
from chat.realtime.outgoing import broadcasts
from chat.redis.pubsub import bus
from chat.services import accounts, channels, messages, rollout, site
from tests.support.emptied import empty_redis
from tests.support.processes import ROOT
from tests.support.servers import IN_PROCESS
from tests.support.waiting import eventually

SMALL = 1000  # bytes
CELL = re.compile(r"`([^`]+)`")


def documented() -> dict[tuple[str, str], set[str]]:
    """(channel, event) → its further fields, from the table of the page."""
    lines = (ROOT / "docs/updates.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `updates:")]
    return {
        (CELL.findall(row[0])[0], CELL.findall(row[1])[0]): set(CELL.findall(row[2]))
        for row in rows
    }


class Heard:
    """What a subscriber of Redis hears, beyond what the process under test says of itself."""

    def __init__(self, client: Any) -> None:
        self.client, self.pubsub = client, client.pubsub(ignore_subscribe_messages=True)
        self.pubsub.psubscribe("updates:*")
        self.all: list[tuple[str, dict[str, Any]]] = []
        self.sizes: list[int] = []
        self.take("subscribed")

    def take(self, mark: str) -> list[tuple[str, dict[str, Any]]]:
        """Everything published until now: a mark sent behind it has come."""
        found: list[tuple[str, dict[str, Any]]] = []

        def marked() -> bool:
            gevent.sleep(0.001)  # lets the outbox be sent
            if bus.publisher and bus.publisher.waiting():
                return False
            self.client.publish("updates:test", json.dumps({"mark": mark}))
            while message := self.pubsub.get_message(timeout=0.2):
                event = json.loads(message["data"])
                if message["channel"] == "updates:test":
                    return event["mark"] == mark
                found.append((message["channel"], event))
                self.sizes.append(len(message["data"]))
            return False

        eventually(marked)
        self.all += found
        return found


@pytest.fixture
def world(app: Flask, valkey) -> Iterator[SimpleNamespace]:
    with app.test_request_context():
        empty_redis()
        made = accounts.set_up("Site", "olga", "long password 1")
        other = accounts.register("boris", "long password 2", made["invite"]["code"])
        general = made["channel"]["id"]
        heard = Heard(valkey.client(IN_PROCESS))
        yield SimpleNamespace(
            owner=Account(made["user"]), other=Account(other), general=general, heard=heard,
            invite=made["invite"]["code"],
        )  # fmt: skip
        heard.pubsub.close()
        bus.stop()


def name_of(event: dict[str, Any]) -> str:
    sort = "type" if "type" in event else "kind"
    return f"{sort}: {event[sort]}"


def acts(w: SimpleNamespace) -> Iterator[tuple[str, Callable[[], Any], list[str]]]:
    """A day of writes: what is done, and the events that it gives in their order."""
    team: dict[str, Any] = {}
    said: dict[str, Any] = {}
    both = ["type: changed", "kind: changed"]

    def create() -> None:
        team.update(channels.create(w.owner, "Команда " * 5, "topic " * 30, kind="public"))

    def post() -> None:
        said.update(messages.post(w.owner, w.general, "long text " * 300, "client-000001")[0])

    yield "create", create, ["type: changed", "kind: joined"]
    yield "join", lambda: channels.join(w.other, team["id"]), ["kind: joined"]
    yield "leave", lambda: channels.leave(w.other, team["id"]), ["kind: left"]
    yield "rename", lambda: channels.update(w.owner, team["id"], name="Team"), ["type: changed"]
    yield (
        "archive",
        lambda: channels.archive(w.owner, team["id"]),
        ["type: changed", "kind: archived"],
    )
    yield "unarchive", lambda: channels.unarchive(w.owner, team["id"]), ["type: changed"]
    yield "gone", lambda: broadcasts.channel_removed(team["id"]), ["kind: closed"]
    yield "site", lambda: site.update_site(w.owner, name="Other"), ["type: site"]
    yield "rollout", lambda: rollout.change(w.owner, {"emoji": 50}), ["type: rollout"]
    yield "post", post, ["type: changed"]
    yield "post again", post, []  # the same message: nothing has changed
    yield "edit", lambda: messages.edit(w.owner, said["id"], "text " * 900), ["type: changed"]
    yield "delete", lambda: messages.delete(w.owner, said["id"]), ["type: changed"]
    yield "read", lambda: messages.mark_read(w.other, w.general, 1), []
    yield (
        "register",
        lambda: accounts.register("vera", "long password 3", w.invite),
        ["type: changed", "kind: joined", "kind: changed"],
    )
    yield "role", lambda: accounts.set_role(w.owner, w.other.id, "admin"), both
    yield (
        "password",
        lambda: accounts.change_password(w.other, "long password 2", "long password 4"),
        ["type: changed", "kind: sessions_ended"],
    )
    yield (
        "deactivate",
        lambda: accounts.deactivate(w.owner, w.other.id),
        ["type: changed", "kind: sessions_ended", "kind: changed"],
    )
    yield "reactivate", lambda: accounts.reactivate(w.owner, w.other.id), both


def test_each_change_gives_one_small_event_that_the_page_documents(world):
    page = documented()
    for what, act, expected in acts(world):
        act()
        found = world.heard.take(what)
        assert [name_of(event) for _, event in found] == expected, what
        for channel, event in found:
            fields = set(event) - {"type", "kind", "origin"}
            assert fields == page[channel, name_of(event)], (what, event)
    assert max(world.heard.sizes) < SMALL
    said = {(channel, name_of(event)) for channel, event in world.heard.all}
    # Nor does the page speak of what is never said. Drills are tested with the status page, and
    # who is cut off in tests/faults/test_turned_away.py.
    elsewhere = {("updates:channels", name) for name in ("type: drill", "type: cut_off")}
    assert said == set(page) - elsewhere
    assert "long text" not in str(world.heard.all)
    assert len({event["origin"] for _, event in world.heard.all}) == 1
