"""When many tabs reconnect at once, requests of other people do not wait for them."""

import select
import time
from collections.abc import Iterator

import pytest
import requests
from websocket import WebSocket

from chat.realtime.incoming.handlers import MOST_SOCKETS
from tests.conftest import NewPerson
from tests.support.people import Person
from tests.support.processes import AppProcess
from tests.support.tabs import bare_line
from tests.support.waiting import SECONDS

PEOPLE, TABS = 15, 300
assert TABS <= PEOPLE * MOST_SOCKETS


class Returning:
    """So many lines that are open, and when each was let in."""

    def __init__(self, people: list[Person], url: str) -> None:
        self.people = [people[number % len(people)] for number in range(TABS)]
        self.lines: list[WebSocket] = [bare_line(url, person.cookie) for person in self.people]
        self.let_in: dict[WebSocket, float] = {}

    def knock(self) -> None:
        """All of them at the same moment."""
        for person, line in zip(self.people, self.lines, strict=True):
            line.send('40{"csrf":"' + person.csrf + '"}')

    def look(self) -> None:
        """Note who has been let in by now."""
        by_socket = {line.sock: line for line in self.lines}
        while ready := select.select([*by_socket], [], [], 0)[0]:
            for sock in ready:
                line = by_socket[sock]
                told = str(line.recv())
                assert not told.startswith("44"), told
                if told.startswith("40"):
                    self.let_in.setdefault(line, time.monotonic())
                    del by_socket[sock]

    def close(self) -> None:
        for line in self.lines:
            line.shutdown()


@pytest.fixture
def returning(server: AppProcess, new_person: NewPerson) -> Iterator[Returning]:
    tabs = Returning([new_person() for _ in range(PEOPLE)], server.url)
    yield tabs
    tabs.close()


def test_a_page_and_a_message_are_served_while_most_tabs_still_wait(
    server: AppProcess, new_person: NewPerson, returning: Returning
) -> None:
    alice = new_person()
    channel = alice.new_channel()
    returning.knock()
    assert alice.get(f"/channels/{channel['slug']}").status_code == 200
    assert alice.say(channel, "hello")
    returning.look()
    assert len(returning.let_in) < TABS / 2
    until = time.monotonic() + SECONDS
    while len(returning.let_in) < TABS and time.monotonic() < until:
        returning.look()
        assert requests.get(f"{server.url}/login", timeout=SECONDS).ok
    assert len(returning.let_in) == TABS  # and all of them come in
