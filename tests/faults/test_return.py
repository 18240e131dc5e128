"""A thousand sockets reconnect at once to one worker that has just started."""

import json
import selectors
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from time import monotonic
from typing import Any

import pytest
import requests
from websocket import WebSocket

from benchmarks import team
from benchmarks.team import Member
from chat.embedded.mongo import Mongo
from chat.redis.mark import Elsewhere
from tests.support.people import new_message
from tests.support.processes import AppProcess, Launcher, new_database
from tests.support.tabs import bare_line
from tests.support.waiting import eventually

PEOPLE, SOCKETS = 100, 1000
AT_ONCE = (100, SOCKETS)  # so many knock at the same time, the others behind them
MISSED = 3
NUMBER = "7"  # of the event that asks what was missed


@pytest.fixture
def stage(launch_app: Launcher, mongod: Mongo) -> tuple[AppProcess, team.Team]:
    """One worker, and a team that is signed in there."""
    uri = new_database(mongod.uri)
    there = team.store(uri, PEOPLE, PEOPLE)
    return launch_app(MONGODB_URI=uri), there


class Visitor:
    """One browser that has been away, on a bare line."""

    def __init__(self, url: str, member: Member) -> None:
        self.heard: list[str] = []
        self.line: WebSocket = bare_line(url, member.cookie)
        self.line.send(f"40{json.dumps({'csrf': member.csrf})}")
        assert "sid" in self._told("40")

    def missed(self, channel: str, rev: int) -> list[dict[str, Any]]:
        """What has happened there since the change with this number."""
        asked = {"channel": channel, "after": 0, "rev": rev}
        self.line.send(f"42{NUMBER}{json.dumps(['channel:open', asked])}")
        [answer] = json.loads(self._told(f"43{NUMBER}"))
        assert answer["ok"], answer
        return list(answer["messages"])

    def hear(self) -> None:
        """Something has come."""
        if (packet := str(self.line.recv())).startswith("42"):
            self.heard.append(packet)
        elif packet == "2":
            self.line.send("3")

    def _told(self, start: str) -> str:
        """The next packet of this kind; the server's pings are answered meanwhile."""
        while not (packet := str(self.line.recv())).startswith(start):
            assert not packet.startswith("44"), packet
            if packet == "2":
                self.line.send("3")
        return packet.removeprefix(start)


class Office(threading.Thread):
    """Those who are back: they hear what is said, and answer the server's pings."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.lines = selectors.DefaultSelector()
        self.done = threading.Event()

    def enter(self, visitor: Visitor) -> None:
        self.lines.register(visitor.line.sock, selectors.EVENT_READ, visitor.hear)

    def run(self) -> None:
        while not self.done.is_set():
            for key, _ in self.lines.select(0.1):
                key.data()


class Reader(threading.Thread):
    """Somebody with a page, who goes on asking meanwhile."""

    def __init__(self, url: str, member: Member, channel: str) -> None:
        super().__init__(daemon=True)
        self.paths = cycle([f"{url}/api/channels", f"{url}/api/channels/{channel}/messages"])
        self.headers = {"Cookie": member.cookie}
        self.done = threading.Event()
        self.seen: list[tuple[int, float]] = []  # status, seconds

    def run(self) -> None:
        while not self.done.is_set():
            began = monotonic()
            answer = requests.get(next(self.paths), headers=self.headers, timeout=60)
            self.seen.append((answer.status_code, monotonic() - began))


@contextmanager
def opened() -> Iterator[Office]:
    office = Office()
    office.start()
    try:
        yield office
    finally:
        office.done.set()
        office.join()


@contextmanager
def reading(url: str, member: Member, channel: str) -> Iterator[Reader]:
    reader = Reader(url, member, channel)
    reader.start()
    try:
        yield reader
    finally:
        reader.done.set()
        reader.join()


def post(url: str, member: Member, channel: str, text: str) -> dict[str, Any]:
    headers = {"Cookie": member.cookie, "X-CSRFToken": member.csrf}
    path = f"{url}/api/channels/{channel}/messages"
    answer = requests.post(path, json=new_message(text), headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.mark.long
@pytest.mark.parametrize("at_once", AT_ONCE)
def test_a_thousand_sockets_come_back_at_once_and_catch_up_while_others_are_answered(
    stage, at_once: int
):
    app, there = stage
    channel, first = there.channel, there.members[0]
    last = post(app.url, first, channel, "before")
    app.restart()
    texts = [post(app.url, first, channel, f"missed {n}")["text"] for n in range(MISSED)]

    def come_back(member: Member) -> Visitor:
        visitor = Visitor(app.url, member)
        assert [m["message"]["text"] for m in visitor.missed(channel, last["rev"])] == texts
        office.enter(visitor)
        return visitor

    def have_heard(text: str) -> bool:
        return all(any(text in packet for packet in visitor.heard) for visitor in visitors)

    began = monotonic()
    with opened() as office:
        with ThreadPoolExecutor(at_once) as pool, reading(app.url, first, channel) as reader:
            visitors = list(pool.map(come_back, islice(cycle(there.members), SOCKETS)))
            took = monotonic() - began
        post(app.url, first, channel, "welcome back")
        eventually(lambda: have_heard("welcome back"))
    assert len(visitors) == SOCKETS
    assert {status for status, _ in reader.seen} == {200}
    slow = sorted(seconds for _, seconds in reader.seen)
    print(f"{SOCKETS} back and caught up after {took:.1f} s; meanwhile {len(slow)} requests of "
          f"another reader, half within {slow[len(slow) // 2] * 1000:.0f} ms, the slowest "
          f"{slow[-1] * 1000:.0f} ms")  # fmt: skip
    log = app.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert str(Elsewhere()) not in log
    for visitor in visitors:
        visitor.line.close()
