"""A session that fell into wrong hands is not yet the password."""

from typing import Any

from tests.support.people import Person


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
