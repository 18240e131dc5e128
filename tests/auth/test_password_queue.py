"""The queue for password checks: known browsers first, addresses in turn, bounded length."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import gevent.event
import pytest
import requests

from chat.auth import password_queue, setup_token
from chat.auth.password_queue import Lanes, QueueFull
from tests.support.people import Person
from tests.support.processes import AppProcess
from tests.support.waiting import eventually


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
        except QueueFull:
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


def test_a_full_queue_drops_an_attempt_of_the_address_with_the_most() -> None:
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


def test_a_wait_is_limited_and_a_caller_that_leaves_frees_its_place(monkeypatch) -> None:
    monkeypatch.setattr(password_queue, "STRANGERS_PATIENCE", 0.01)
    desk = Desk()
    desk.come("a1")
    gevent.sleep(0.05)
    assert desk.refused == ["a1"]
    monkeypatch.setattr(password_queue, "STRANGERS_PATIENCE", 5.0)
    desk.come("b1", "c1")
    desk._all.pop(2).kill()  # b1 has gone away
    desk.serve()
    desk.come("d1")
    assert desk.served == ["c1", "d1"]


def test_a_slower_pace_shortens_the_queue(monkeypatch) -> None:
    """Whoever would not be served in time is refused at once."""
    monkeypatch.setattr(password_queue, "WEIGHT", 1.0)
    monkeypatch.setattr(password_queue, "SHORTEST", password_queue.STRANGERS_PATIENCE / 2)
    desk = Desk()
    desk.serve()  # whatever that took, it counts as half of what strangers wait
    after = Desk()
    after.lanes._seconds = desk.lanes._seconds
    after.come("a1", "b1", "c1")
    assert after.refused == ["c1"]
    after.come(*(f"k{n}" for n in range(4)), known=True)  # they wait longer
    assert after.refused == ["c1", "k3"]
    after.serve()


ADDRESSES = 100


class Strangers:
    """Browsers at as many addresses that try wrong passwords without pause."""

    def __init__(self, app: AppProcess) -> None:
        self._app = app
        self._over = Event()
        self.answers: list[requests.Response] = []

    def _try(self, number: int) -> None:
        stranger = Person(self._app.url, "owner", "a wrong password")
        stranger.session.headers["X-Forwarded-For"] = f"127.0.{number // 200}.{number % 200 + 1}"
        stranger.get("/login")
        form = {"nickname": stranger.nickname, "password": stranger.password}
        while not self._over.is_set():
            self.answers.append(stranger.post_form("/login", stranger.csrf, **form))
        stranger.close()

    def took_turns(self) -> int:
        """How many of their tries got as far as the page that answers."""
        return sum("html" in answer.headers["Content-Type"] for answer in list(self.answers))

    def __enter__(self) -> "Strangers":
        self._pool = ThreadPoolExecutor(ADDRESSES)
        self._all = [self._pool.submit(self._try, number) for number in range(ADDRESSES)]
        eventually(lambda: len(self.answers) > ADDRESSES)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for each in self._all:
            each.result()


@pytest.fixture
def crowded(launch_app) -> AppProcess:
    return launch_app(TRUSTED_PROXIES="1", LIMIT_LOGIN="1000000/minute", CHEAP_PASSWORD_HASHES=None)


def test_a_hundred_addresses_that_log_in_without_pause_keep_nobody_from_work(
    crowded: AppProcess,
) -> None:
    owner = Person(crowded.url, "owner").set_up(token=setup_token.token(crowded.env))
    slug = owner.new_channel()["slug"]
    returning = owner.again()
    returning.logout()
    before_me = []
    with Strangers(crowded) as strangers:
        for _ in range(9):
            already = strangers.took_turns()
            assert owner.get(f"/channels/{slug}").status_code == 200
            before_me.append(strangers.took_turns() - already)
        for _ in range(3):
            returning.login()  # asserts that it is in
            returning.logout()
    # In the order of arrival it would be all who are not waiting for their password's check.
    assert sorted(before_me)[4] < (ADDRESSES - password_queue.MOST_STRANGERS) / 3
    assert {answer.status_code for answer in strangers.answers} <= {422, 429, 503}
    refused = [answer for answer in strangers.answers if answer.status_code != 422]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    # Most are refused before anything is done for them: at once, not when their time is up.
    at_once = [answer for answer in refused if "json" in answer.headers["Content-Type"]]
    assert len(at_once) > len(strangers.answers) / 2
    shown = [answer.text for answer in refused if "html" in answer.headers["Content-Type"]]
    assert shown
    for page in shown:
        assert "Too many people are logging in" in page
        assert 'value="owner"' in page  # what was typed is not lost
