"""Invites over HTTP: only admins create and revoke them."""

from tests.api.conftest import problem
from tests.support.people import Person


def test_an_admin_makes_an_invite_that_can_be_ended(admin: Person, anonymous: Person) -> None:
    made = admin.post("/api/invites")
    assert made.status_code == 201
    invite = made.json()
    assert invite["url"].endswith(f"/join/{invite['code']}")
    assert anonymous.get(f"/join/{invite['code']}").status_code == 200
    assert admin.delete(f"/api/invites/{invite['code']}").status_code == 204
    assert anonymous.get(f"/join/{invite['code']}").status_code == 404
    assert problem(admin.delete(f"/api/invites/{invite['code']}")) == (404, "not_found")


def test_only_admins_create_invites(alice: Person, moderator: Person) -> None:
    for person in (alice, moderator):
        assert problem(person.post("/api/invites", {"days": 1})) == (403, "forbidden")
        assert problem(person.delete("/api/invites/abc")) == (403, "forbidden")


def test_the_lifetime_of_an_invite_is_validated(admin: Person) -> None:
    for days in (0, 366, "7", None, 1.5):
        assert problem(admin.post("/api/invites", {"days": days})) == (400, "bad_input")
