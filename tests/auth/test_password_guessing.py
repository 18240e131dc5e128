"""Guessing passwords is slowed down, and guesses by others lock nobody out."""

from typing import Any

import pytest

from tests.support.people import PASSWORD, Person


def change(person: Person, old: str) -> int:
    fields = {"old_password": old, "new_password": "another long password"}
    return person.post_form("/settings/password", **fields).status_code


def test_the_current_password_can_be_guessed_only_so_often(launch_app: Any) -> None:
    app = launch_app(LIMIT_LOGIN="3/minute")
    owner = Person(app.url, "owner").set_up()
    other = Person(app.url, "other").register(owner.invite())
    assert [change(owner, "a wrong one") for _ in range(4)] == [422, 422, 422, 429]
    assert change(owner, owner.password) == 429
    assert change(other, other.password) == 303


def test_whoever_took_a_session_over_cannot_lock_its_owner_out_by_guessing(launch_app: Any) -> None:
    app = launch_app(LIMIT_LOGIN="3/minute")
    owner = Person(app.url, "owner").set_up()
    elsewhere = owner.again()
    assert [change(elsewhere, "a wrong one") for _ in range(4)] == [422, 422, 422, 429]
    assert change(owner, owner.password) == 303


def log_in(url: str, nickname: str, password: str, browser: Person | None = None) -> int:
    person = browser or Person(url)
    person.get("/login")
    answer = person.post_form("/login", nickname=nickname, password=password)
    person.get("/settings")  # its token is another one now
    return int(answer.status_code)


@pytest.mark.parametrize("redis", [True, False])
def test_ten_wrong_passwords_lock_nobody_out_of_a_browser_that_was_signed_in_before(
    launch_app: Any, redis: bool
) -> None:
    app = launch_app(LIMIT_LOGIN=None, DISABLE_REDIS="false" if redis else "true")
    olga = Person(app.url, "olga").set_up()
    olga.logout()
    wrong = [log_in(app.url, "olga", "not the password") for _ in range(12)]
    assert wrong == [422] * 10 + [429] * 2
    assert log_in(app.url, "olga", PASSWORD) == 429, "guessing stays slow, whatever is guessed"
    assert log_in(app.url, "olga", PASSWORD, olga) == 303
    olga.logout()
    # Nor is that browser a way round: it has its own tries, for this account alone.
    assert [log_in(app.url, "olga", "wrong wrong", olga) for _ in range(11)] == [422] * 10 + [429]


def test_a_made_up_or_foreign_device_is_no_known_browser(launch_app: Any) -> None:
    app = launch_app(LIMIT_LOGIN="3/minute")
    olga = Person(app.url, "olga").set_up()
    anna = Person(app.url, "anna").register(olga.invite())
    anna.logout()
    mark = anna.session.cookies["device"].split(".")
    assert [log_in(app.url, "olga", "wrong wrong") for _ in range(4)] == [422] * 3 + [429]
    assert log_in(app.url, "olga", "wrong wrong", anna) == 429
    for made_up in ("x", "a.b.c", ".".join(["x", *mark[1:]]), ".".join([*mark[:2], "x" * 22])):
        stranger = Person(app.url)
        stranger.session.cookies.set("device", made_up)
        assert log_in(app.url, "olga", "wrong wrong", stranger) == 429
    assert log_in(app.url, "anna", PASSWORD, anna) == 303


def test_a_team_in_one_office_gets_in(launch_app: Any) -> None:
    app = launch_app(LIMIT_LOGIN=None, LIMIT_REGISTER=None)
    owner = Person(app.url, "owner").set_up()
    invite = owner.invite()
    for _ in range(12):  # a stranger there guesses invites
        assert Person(app.url).get("/register?invite=wrong").status_code == 403
        visitor = Person(app.url)
        visitor.get("/login")
        guess = {"nickname": "guest", "password": PASSWORD, "invite": "wrong"}
        last = visitor.post_form("/register", **guess).status_code
    assert last == 429
    team = [Person(app.url, f"colleague-{n}").register(invite) for n in range(14)]
    for person in team:
        person.again()
