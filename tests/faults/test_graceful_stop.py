"""SIGTERM and SIGHUP under load: requests in progress are answered, browsers reconnect."""

import shutil
import signal
from threading import Barrier, Event, Thread

import psutil

from tests.support.people import Person
from tests.support.processes import ROOT, AppProcess
from tests.support.waiting import eventually

VISITORS, ANSWERED_BEFORE = 30, 5


def test_requests_under_way_are_answered_when_the_app_is_told_to_stop(launch_app):
    app = launch_app(CHEAP_PASSWORD_HASHES=None)
    owner = Person(app.url, "owner").set_up()
    tab = owner.tab()
    visitors = [Person(app.url) for _ in range(VISITORS)]
    for visitor in visitors:
        visitor.get("/login")
    together, answers = Barrier(VISITORS), []

    def try_to_log_in(visitor: Person) -> None:
        """Slow on purpose: each try costs a password hash."""
        together.wait()
        answers.append(visitor.post_form("/login", nickname="owner", password="wrong").status_code)

    threads = [Thread(target=try_to_log_in, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    eventually(lambda: len(answers) >= ANSWERED_BEFORE)

    app.stop()
    for thread in threads:
        thread.join()

    assert len(answers) == VISITORS
    assert set(answers) <= {422, 503}  # some may be told that too many wait already
    assert answers.count(422) > ANSWERED_BEFORE
    assert any(message["mode"] == "restarting" for message in tab.heard("system"))
    tab.is_cut()


def test_nobody_waits_or_fails_while_the_app_is_reloaded(launch_app):
    """The new worker is held up, so that whoever is answered is answered by the old one."""
    app = launch_app()
    owner = Person(app.url, "owner").set_up()
    room = owner.new_channel()
    master = psutil.Process(app.process.pid)
    (old,) = master.children()
    statuses: list[int] = []
    done = Event()

    def ask(visitor: Person) -> None:
        while not done.is_set():
            statuses.append(visitor.get("/login").status_code)

    visitors = [Thread(target=ask, args=(Person(app.url),)) for _ in range(4)]
    for thread in visitors:
        thread.start()
    master.send_signal(signal.SIGHUP)
    new = eventually(lambda: next((one for one in master.children() if one != old), None))
    new.suspend()
    answered = len(statuses)
    eventually(lambda: len(statuses) > answered + 50)
    assert owner.say(room, "while the new one is not there yet")["seq"] == 1
    new.resume()
    eventually(lambda: master.children() == [new])
    answered = len(statuses)
    eventually(lambda: len(statuses) > answered + 50)
    done.set()
    for thread in visitors:
        thread.join()
    assert set(statuses) == {200}
    assert owner.say(room, "afterwards")["seq"] == 2


def test_a_new_worker_that_cannot_start_leaves_the_old_ones_serving(launch_app):
    app = launch_app(WEB_CONCURRENCY="2")
    master = psutil.Process(app.process.pid)
    old = master.children()
    master.send_signal(signal.SIGHUP)
    new = eventually(lambda: [one for one in master.children() if one not in old])
    new[0].kill()
    eventually(lambda: len(master.children()) == 2)
    assert app.status is None
    assert Person(app.url, "owner").set_up().id


def test_new_code_that_cannot_be_loaded_leaves_the_old_worker_serving(
    launch_app, tmp_path, monkeypatch
):
    for name in ("chat", "templates", "static", "translations"):
        shutil.copytree(ROOT / name, tmp_path / "code" / name)
    for name in ("app.py", "wsgi.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, tmp_path / "code")
    monkeypatch.setattr(AppProcess, "root", tmp_path / "code")
    app = launch_app()
    master = psutil.Process(app.process.pid)
    workers = master.children()
    (tmp_path / "code" / "wsgi.py").write_text("raise RuntimeError('broken')")
    master.send_signal(signal.SIGHUP)
    eventually(lambda: "the old ones go on" in app.log.read_text(encoding="utf-8"))
    assert Person(app.url, "owner").set_up().id
    assert master.children() == workers
    app.stop()
    assert app.status == 0


def test_a_stop_during_a_reload_stops(launch_app):
    app = launch_app()
    master = psutil.Process(app.process.pid)
    (old,) = master.children()
    master.send_signal(signal.SIGHUP)
    new = eventually(lambda: next((one for one in master.children() if one != old), None))
    app.stop()
    assert app.status == 0
    assert not new.is_running()
