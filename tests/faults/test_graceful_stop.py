"""SIGTERM under load: what is under way is answered, and browsers are told to come back."""

from threading import Barrier, Thread

from tests.support.people import Person
from tests.support.waiting import eventually

VISITORS, ANSWERED_BEFORE = 30, 5


def test_requests_under_way_are_answered_when_the_app_is_told_to_stop(launch_app):
    app = launch_app()
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

    assert answers == [422] * VISITORS
    assert any(message["mode"] == "restarting" for message in tab.heard("system"))
    tab.is_cut()
