"""Who waits for a password to be checked: the known first, addresses in turn, and not too many."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import gevent.event
import pytest
import requests

from chat.auth import password_queue, setup_token
from chat.auth.password_queue import Full, Lanes
from tests.support.people import Person
from tests.support.processes import AppProcess


class Desk:
    """One place, and what became of those who came while it was taken."""

    def __init__(self, **room: int) -> None:
        self.lanes = Lanes(1, **room)
        self.served: list[str] = []
        self.refused: list[str] = []
        self._open = gevent.event.Event()
        self._all = [gevent.spawn(self._hold)]
        gevent.sleep(0)

    def _hold(self) -> None:
        with self.lanes.taken("", True):
            self._open.wait()

    def come(self, *names: str, known: bool = False) -> None:
        """Each from the address that its name begins with."""
        for name in names:
            self._all.append(gevent.spawn(self._wait, name, known))
            for _ in range(3):  # who has to go for it hears of it a turn later
                gevent.sleep(0)

    def _wait(self, name: str, known: bool) -> None:
        try:
            with self.lanes.taken(name[0], known):
                self.served.append(name)
        except Full:
            self.refused.append(name)

    def serve(self) -> None:
        self._open.set()
        gevent.joinall(self._all, raise_error=True)


def test_the_known_go_first_and_among_strangers_addresses_take_turns() -> None:
    desk = Desk()
    desk.come("a1", "a2", "a3", "b1")
    desk.come("c1", "a4", known=True)
    desk.serve()
    assert desk.served == ["c1", "a4", "a1", "b1", "a2", "a3"]


def test_where_there_is_no_room_the_address_with_the_most_gives_it() -> None:
    desk = Desk(strangers=3)
    desk.come("a1", "a2", "a3", "a4")
    assert desk.refused == ["a4"]
    desk.come("b1")
    assert desk.refused == ["a4", "a3"]
    desk.come("c1", "d1")
    assert desk.refused == ["a4", "a3", "a2", "d1"]
    desk.come("k1", known=True)  # strangers take nothing from those
    desk.serve()
    assert desk.served == ["k1", "a1", "b1", "c1"]


def test_nobody_waits_longer_than_people_do_and_who_goes_leaves_no_gap(monkeypatch) -> None:
    monkeypatch.setattr(password_queue, "PATIENCE", 0.01)
    desk = Desk()
    desk.come("a1")
    gevent.sleep(0.05)
    assert desk.refused == ["a1"]
    monkeypatch.setattr(password_queue, "PATIENCE", 5.0)
    desk.come("b1", "c1")
    desk._all.pop(2).kill()  # b1 has gone away
    desk.serve()
    desk.come("d1")
    assert desk.served == ["c1", "d1"]


ADDRESSES = 45  # more than may wait


@pytest.fixture
def crowded(launch_app) -> AppProcess:
    return launch_app(TRUSTED_PROXIES="1", LIMIT_LOGIN="1000000/minute")


def test_many_addresses_that_log_in_without_pause_do_not_keep_those_out_who_are_known(
    crowded: AppProcess,
) -> None:
    owner = Person(crowded.url, "owner").set_up(token=setup_token.token(crowded.env))
    owner.logout()
    over = Event()
    answers: list[requests.Response] = []

    def try_without_pause(number: int) -> None:
        stranger = Person(crowded.url, "owner", "a wrong password")
        stranger.session.headers["X-Forwarded-For"] = f"203.0.113.{number}"
        stranger.get("/login")
        while not over.is_set():
            form = {"nickname": stranger.nickname, "password": stranger.password}
            answers.append(stranger.post_form("/login", stranger.csrf, **form))

    with ThreadPoolExecutor(ADDRESSES) as pool:
        for number in range(ADDRESSES):
            pool.submit(try_without_pause, number)
        try:
            for _ in range(3):
                owner.login()  # asserts that it is in
                owner.logout()
        finally:
            over.set()
    assert {answer.status_code for answer in answers} <= {422, 429, 503}
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    shown = [answer.text for answer in refused if "html" in answer.headers["Content-Type"]]
    assert shown
    for page in shown:
        assert "Too many people are logging in" in page
        assert 'value="owner"' in page  # what was typed is not lost
