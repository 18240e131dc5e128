"""A process handles only as many requests at once as it has connections for; others wait."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import gevent
import gevent.event
import pytest
from flask import Flask
from gevent.lock import BoundedSemaphore

from chat.request.concurrency import MOST, RETURNING, RUN, SPARE, STRANGERS, Busy, Turns, turns
from chat.web import admission
from chat.web.security import MAX_REQUEST
from tests.conftest import NewPerson
from tests.support.people import Person
from tests.support.processes import AppProcess

AT_ONCE, EACH = 100, 5


def test_no_more_than_so_many_work_at_once_and_all_get_their_turn():
    turns, working, most = Turns(3), [], []

    def work(number):
        with turns.taken():
            working.append(number)
            most.append(len(working))
            gevent.sleep(0)
            working.remove(number)

    gevent.joinall([gevent.spawn(work, n) for n in range(20)], raise_error=True)
    assert (len(most), max(most)) == (20, 3)


def test_a_request_that_waits_too_long_is_answered_503():
    turns, done = Turns(1), gevent.event.Event()

    def hold():
        with turns.taken():
            done.wait()

    holder = gevent.spawn(hold)
    gevent.sleep(0)
    with pytest.raises(Busy), turns.taken(patience=0.01):
        pytest.fail("nobody gave the turn away")
    done.set()
    holder.join()
    with turns.taken(patience=0.01):
        pass


def test_a_turn_that_comes_together_with_the_end_of_the_patience_is_taken():
    turns, worked = Turns(1), []

    def hold():
        with turns.taken():
            gevent.sleep(0.001)  # woken before the one who waits, in the same turn of the loop

    def wait():
        with turns.taken(patience=0.002):
            worked.append(True)

    holder, waiter = gevent.spawn(hold), gevent.spawn(wait)
    gevent.sleep(0)
    until = time.monotonic() + 0.05
    while time.monotonic() < until:
        pass  # both are late now
    gevent.joinall([holder, waiter], raise_error=True)
    assert worked
    with turns.taken(patience=0.01):
        pass


def test_who_is_ended_while_it_waits_to_come_back_gives_nobody_elses_turn_away():
    turns, done = Turns(1), gevent.event.Event()

    def leave():
        with turns.taken(), turns.left():
            gevent.sleep(0)

    def hold():
        with turns.taken():
            done.wait()

    leaver, holder = gevent.spawn(leave), gevent.spawn(hold)
    for _ in range(5):
        gevent.sleep(0)
    leaver.kill()
    with pytest.raises(Busy), turns.taken(patience=0.01):
        pytest.fail("the holder's turn was given away")
    done.set()
    holder.get()


def test_who_has_a_turn_needs_no_second_and_others_work_while_it_waits_for_something_else():
    turns, order = Turns(1), []

    def first():
        with turns.taken(), turns.taken():
            order.append("first begins")
            with turns.left():
                gevent.sleep(0)
            order.append("first ends")

    def second():
        with turns.taken():
            order.append("second")

    gevent.joinall([gevent.spawn(first), gevent.spawn(second)], raise_error=True)
    assert order == ["first begins", "second", "first ends"]


def test_who_waits_for_a_lock_has_no_turn_and_who_gets_it_has_the_next():
    turns, lock, order = Turns(1), BoundedSemaphore(1), []

    def change(name):
        with turns.taken(), turns.alone(lock):
            order.append(name)

    def work(name):
        with turns.taken():
            order.append(name)
            if name == "first":
                lock.release()
            gevent.sleep(0)

    lock.acquire()
    everybody = [gevent.spawn(change, "change")]
    everybody += [gevent.spawn(work, name) for name in ("first", "second", "third")]
    gevent.joinall(everybody, raise_error=True)
    assert order == ["first", "change", "second", "third"]


def test_who_is_ended_between_a_lock_and_a_turn_keeps_neither():
    turns, lock, over = Turns(1), BoundedSemaphore(1), gevent.event.Event()

    def change():
        with turns.taken(), turns.alone(lock):
            pytest.fail("nobody gave it a turn")

    def hold():
        with turns.taken():
            over.wait()

    lock.acquire()
    changing, holder = gevent.spawn(change), gevent.spawn(hold)
    gevent.sleep(0)
    lock.release()
    gevent.sleep(0)
    assert lock.locked()
    changing.kill()
    assert not lock.locked()
    over.set()
    holder.get()
    with turns.taken(patience=0.01):
        pass


def test_who_waits_too_long_for_a_lock_is_told_so_and_has_the_turn_again():
    turns, lock = Turns(1), BoundedSemaphore(1)
    lock.acquire()
    with turns.taken():
        with pytest.raises(Busy), turns.alone(lock, patience=0.01):
            pytest.fail("nobody gave the lock away")
        assert turns.holds_one()


@pytest.mark.needs_redis
def test_a_hundred_at_once_do_not_make_a_healthy_redis_look_dead(launch_app):
    app: AppProcess = launch_app(REDIS_CONNECTIONS="8")  # far fewer than there are callers
    owner = Person(app.url).set_up()
    channel = owner.new_channel()

    def visit(number):
        person = Person(app.url, owner.nickname)
        person.session.cookies.update(owner.session.cookies)
        person.csrf = owner.csrf
        answers = [person.get(f"/channels/{channel['slug']}").status_code for _ in range(EACH)]
        sent = {"text": "hello", "client_id": f"crowd-{number:05}"}
        answers.append(person.post(f"/api/channels/{channel['id']}/messages", sent).status_code)
        person.close()
        return answers

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [status for statuses in pool.map(visit, range(AT_ONCE)) for status in statuses]

    assert answers.count(200) == AT_ONCE * EACH
    assert answers.count(201) == AT_ONCE
    assert "Redis is down" not in app.log.read_text(encoding="utf-8")


def test_who_sends_a_body_slowly_holds_nobodys_turn(new_person: NewPerson):
    alice = new_person()
    body = json.dumps({"status": "at last"})
    with ExitStack() as slow:
        rests = [
            slow.enter_context(alice.sends_slowly("PATCH", "/api/me", body)) for _ in range(MOST)
        ]
        assert alice.get("/api/me").status_code == 200
        assert all(rest().startswith("HTTP/1.1 200") for rest in rests)


@pytest.mark.parametrize(("length", "status"), [(20, 200), (MAX_REQUEST + 10, 413)])
def test_a_body_in_chunks_is_read_as_far_as_is_allowed(new_person: NewPerson, length, status):
    alice = new_person()
    body = json.dumps({"status": "x" * 20}) + " " * (length - 20)
    chunks = (body[at : at + 100_000].encode() for at in range(0, len(body), 100_000))
    headers = {"Content-Type": "application/json", "X-CSRFToken": alice.csrf}
    answer = alice.session.patch(f"{alice.url}/api/me", data=chunks, headers=headers, timeout=10)
    assert answer.status_code == status


def test_low_priority_lanes_have_few_turns_and_wait_but_not_for_ever():
    turns = Turns(5)
    order, over = [], gevent.event.Event()

    def hold(name, behind=""):
        with turns.taken(behind=behind):
            order.append(name)
            over.wait()

    def work(name, behind=""):
        with turns.taken(behind=behind):
            order.append(name)

    held = [gevent.spawn(hold, f"back {n}", behind=RETURNING) for n in range(5)]
    gevent.sleep(0)
    assert order == ["back 0", "back 1", "back 2"]  # there is room for others
    held += [gevent.spawn(hold, f"work {n}") for n in range(2)]
    gevent.sleep(0)
    assert order[3:] == ["work 0", "work 1"]
    waiting = [gevent.spawn(work, f"work {n}") for n in range(2, 2 * RUN)]
    gevent.sleep(0)
    del order[:]
    over.set()
    gevent.joinall(held + waiting, raise_error=True)
    backs = [place for place, name in enumerate(order) if name.startswith("back")]
    assert backs == [RUN, len(order) - 1]


def test_log_ins_of_strangers_and_sockets_that_come_back_wait_behind_in_turns():
    turns, order = Turns(1), []

    def work(name, behind=""):
        with turns.taken(behind=behind):
            order.append(name)

    with turns.taken():
        waiting = [gevent.spawn(work, f"socket {n}", RETURNING) for n in range(3)]
        waiting += [gevent.spawn(work, f"stranger {n}", STRANGERS) for n in range(3)]
        waiting += [gevent.spawn(work, f"work {n}") for n in range(2)]
        gevent.sleep(0)
    gevent.joinall(waiting, raise_error=True)
    assert order == [
        "work 0", "work 1",
        "socket 0", "stranger 0", "socket 1", "stranger 1", "socket 2", "stranger 2",
    ]  # fmt: skip


def test_a_request_behind_too_many_waiting_ones_is_refused_at_once():
    turns, came = Turns(1), []

    def wait(name):
        with turns.taken(behind=STRANGERS, most=2):
            came.append(name)

    with turns.taken():
        waiting = [gevent.spawn(wait, name) for name in ("first", "second")]
        gevent.sleep(0)
        refused = gevent.spawn(pytest.raises, Busy, wait, "third")
        refused.get(timeout=1)
    gevent.joinall(waiting, raise_error=True)
    assert came == ["first", "second"]


def test_who_is_ended_while_waiting_behind_leaves_no_gap():
    turns = Turns(1)

    def wait():
        with turns.taken(behind=RETURNING):
            pytest.fail("nobody gave it a turn")

    with turns.taken():
        gone = gevent.spawn(wait)
        gevent.sleep(0)
        gone.kill()
    with turns.taken(patience=1, behind=RETURNING), turns.left(), turns.taken(patience=1):
        assert turns.holds_one()


@pytest.fixture
def app_without_turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """One in which nobody's turn ever comes."""
    before = turns.most
    monkeypatch.setattr(admission, "PATIENCE", 0.01)
    app = Flask("without turns", static_folder=None)
    app.config.update(REDIS_CONNECTIONS=SPARE, TRUSTED_PROXIES=0, MAX_CONTENT_LENGTH=MAX_REQUEST)
    app.add_url_rule("/<path:path>", view_func=lambda path: path)
    app.wsgi_app = admission.wait_for_turn(app, app.wsgi_app)  # type: ignore[method-assign]
    yield app
    turns.resize(before)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/health", 200),
        ("/health/ready", 200),
        ("/metrics", 200),
        ("/static/app.css", 200),
        ("/socket.io/", 200),
        ("/healthx", 503),
        ("/healthy/ready", 503),
        ("/metricsfoo", 503),
        ("/metrics/foo", 503),
        ("/login", 503),
    ],
)
def test_only_what_must_always_answer_needs_no_turn(app_without_turns: Flask, path, status):
    assert app_without_turns.test_client().get(path).status_code == status


def test_one_address_cannot_take_all_places_of_strangers_who_log_in(monkeypatch):
    monkeypatch.setattr(admission._strangers, "most", 2)
    turn = admission._strangers_turn
    with turn("10.0.0.1"), turn("10.0.0.1"):
        with pytest.raises(Busy), turn("10.0.0.1"):
            pytest.fail("there is no place")
        with turn("10.0.0.2"):
            pass
    with turn("10.0.0.1"):
        pass
    assert not admission._strangers._taken
