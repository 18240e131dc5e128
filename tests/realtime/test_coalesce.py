"""Bursts to a large room are joined: whole, in order, and before the socket closes."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from uuid import uuid4

import gevent
import pytest
import websocket
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import realtime
from chat.embedded.mongo import Mongo
from chat.realtime.incoming.handlers import MOST_SOCKETS
from chat.realtime.transport import coalesce, socketio
from tests.monitoring.scrape import scrape
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.tabs import bare_line
from tests.support.waiting import eventually

Patch = pytest.MonkeyPatch
GUESTS = 10
LINES = GUESTS * MOST_SOCKETS  # a room that rests, on a quick machine too
WORDS, TABS = 40, 10


class Listener:
    """A line that is let in; it reads when it is asked to."""

    def __init__(self, person: Person) -> None:
        self.heard: list[str] = []
        self.line = bare_line(person.url, person.cookie)
        self.line.send("40" + json.dumps({"csrf": person.csrf}))
        while not self.line.recv().startswith("40"):
            pass

    def texts(self, until: str) -> list[str]:
        """Of the messages, up to this one or the end."""
        found: list[str] = []
        with suppress(websocket.WebSocketConnectionClosedException, ConnectionError):
            while until not in found and (packet := self._next()):
                if packet.startswith("42"):
                    event, data = json.loads(packet[2:])
                    self.heard.append(event)
                    if event == "message:new":
                        found.append(data["message"]["text"])
        return found

    def types(self, room: str) -> None:
        """Say so, and wait for the acknowledgement; what else comes meanwhile is passed over."""
        self.line.send("421" + json.dumps(["typing", {"channel": room}]))
        while not self._next().startswith("431"):
            pass

    def _next(self) -> str:
        packet = str(self.line.recv())
        if packet == "2":
            self.line.send("3")
        return packet


class Crowd(NamedTuple):
    app: AppProcess
    host: Person
    channel: dict
    lines: list[Listener]


@pytest.fixture(scope="module")
def crowd(mongod: Mongo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Somebody who speaks, a channel, and many lines that hear it, on a process of their own."""
    launcher = Launcher(tmp_path_factory.mktemp("crowd"), mongod.uri)
    app = launcher()
    host = Person(app.url, "host").set_up()
    channel = host.new_channel()
    people = [Person(app.url, f"guest{n}").register(host.invite()) for n in range(GUESTS)]
    for person in people:
        assert person.post(f"/api/channels/{channel['id']}/join").status_code == 204
    lines = [Listener(people[n % len(people)]) for n in range(LINES)]
    yield Crowd(app, host, channel, lines)
    launcher.close()


def heard_by_all(lines: list[Listener], texts: list[str]) -> None:
    for listener in lines:
        assert listener.texts(until=texts[-1]) == texts


def post_all_at_once(crowd: Crowd) -> list[list[str]]:
    """Posts of several tabs that reach the app in one moment; the texts of each tab in order."""
    tabs = [crowd.host.tab() for _ in range(TABS)]
    party = [f"{n}: {'🎉' * (n + 1)}" for n in range(WORDS // TABS)]
    said = [[f"tab {tab}, {text}" for text in party] for tab in range(TABS)]
    answers: list[dict] = []
    with stopped(crowd.app):
        for tab, texts in zip(tabs, said, strict=True):
            for text in texts:
                post = {"channel": crowd.channel["id"], "text": text, "client_id": uuid4().hex}
                tab.socket.emit("message:post", post, callback=answers.append)
    eventually(lambda: len(answers) == WORDS)
    assert all(answer["ok"] for answer in answers)
    return said


@contextmanager
def stopped(app: AppProcess) -> Iterator[None]:
    """Meanwhile the app does nothing; what is sent to it waits."""
    for worker in app.workers():
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in app.workers():
            os.kill(worker, signal.SIGCONT)


def test_many_words_leave_in_few_writes_each_whole_and_in_order(crowd: Crowd) -> None:
    host, lines = crowd.host, crowd.lines
    before = scrape(host.url)
    since = lambda name: scrape(host.url).of(name) - before.of(name)  # noqa: E731
    said = post_all_at_once(crowd)
    host.say(crowd.channel, "end")
    for listener in lines:
        *heard, _end = listener.texts(until="end")
        assert len(heard) == WORDS
        for texts in said:
            assert [text for text in heard if text in texts] == texts
    eventually(lambda: since("chat_socket_deliveries_total") >= LINES * (WORDS + 1))
    assert since("chat_socket_writes_total") < LINES * WORDS * 0.9


def test_who_types_is_not_told_of_it_whatever_leaves_together(crowd: Crowd) -> None:
    host, channel, lines = crowd.host, crowd.channel, crowd.lines
    host.say(channel, "before")  # from now on the room rests
    lines[0].types(channel["id"])
    host.say(channel, "after")
    heard_by_all(lines[1:], ["before", "after"])
    assert lines[0].texts(until="after")[-1] == "after"
    assert "typing" not in lines[0].heard
    assert "typing" in lines[1].heard


def test_what_waits_is_sent_before_the_process_ends(app: Flask, monkeypatch: Patch) -> None:
    sent: list[coalesce.Word] = []
    pace = coalesce.Pace(lambda room, words: sent.extend(words) or coalesce.BIG)
    monkeypatch.setattr(socketio.server.manager, "_pace", pace)
    monkeypatch.setattr(coalesce, "WORTH", -1.0)
    words = [(b"first", None), (b"waits", None)]
    for word in words:
        pace.say("room", word, may_wait=True)
    monkeypatch.setattr(coalesce, "WORTH", 1.0)
    assert sent == words[:1]
    realtime.stop(app)
    assert sent == words


WORDS_SAID = st.lists(
    st.tuples(st.sampled_from("ab"), st.booleans(), st.sampled_from(["", "rest", "hurry"]))
)


@settings(deadline=None)
@given(said=WORDS_SAID)
def test_events_keep_their_order_whichever_may_wait(said: list[tuple[str, bool, str]]) -> None:
    given_to: dict[str, list[int]] = {"a": [], "b": []}

    def give(room: str, words: list[coalesce.Word]) -> int:
        given_to[room].extend(int(word) for word, _ in words)
        return coalesce.BIG

    pace = coalesce.Pace(give)
    wanted: dict[str, list[int]] = {"a": [], "b": []}
    with Patch.context() as patch:
        patch.setattr(coalesce, "WORTH", -1.0)  # every room rests
        patch.setattr(coalesce, "REST", 0)
        for n, (room, may_wait, then) in enumerate(said):
            wanted[room].append(n)
            pace.say(room, (b"%d" % n, None), may_wait)
            if not may_wait:
                assert given_to[room] == wanted[room]
            if then == "rest":
                gevent.sleep(0.001)
            elif then == "hurry":
                pace.hurry_all()
                assert given_to == wanted
        pace.hurry_all()
        gevent.sleep(0.001)
    assert given_to == wanted
