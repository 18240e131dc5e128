"""People over HTTP."""

from tests.api.conftest import problem
from tests.support.people import NOBODY, Person


def test_me_shows_the_caller(alice: Person) -> None:
    me = alice.get("/api/me").json()
    assert (me["id"], me["nickname"], me["role"]) == (alice.id, alice.nickname, "member")
    assert set(me) == {"id", "nickname", "role", "status", "locale", "theme"}


def test_a_change_keeps_the_other_settings(alice: Person) -> None:
    assert alice.patch("/api/me", {"status": "out", "locale": "ru"}).status_code == 200
    changed = alice.patch("/api/me", {"theme": "dark"}).json()
    assert (changed["status"], changed["locale"], changed["theme"]) == ("out", "ru", "dark")
    assert alice.get("/api/me").json() == changed
    assert problem(alice.patch("/api/me", {"theme": "pink"})) == (400, "bad_input")
    alice.patch("/api/me", {"locale": "en"})
    assert problem(alice.patch("/api/me", {"status": "x" * 500})) == (422, "invalid")


def test_people_come_in_pages_each_once(alice: Person, bob: Person, moderator: Person) -> None:
    seen: list[str] = []
    cursor = ""
    for _ in range(500):
        page = alice.get("/api/users", params={"limit": 2, "cursor": cursor} if cursor else
                         {"limit": 2}).json()  # fmt: skip
        assert len(page["users"]) <= 2
        seen += [user["id"] for user in page["users"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert {alice.id, bob.id, moderator.id} <= set(seen)


def test_a_person_shows_the_agreed_fields_and_no_others(alice: Person, bob: Person) -> None:
    person = alice.get(f"/api/users/{bob.id}").json()
    assert set(person) == {"id", "nickname", "role", "status", "last_active", "online"}
    assert (person["id"], person["nickname"]) == (bob.id, bob.nickname)


def test_an_unknown_person_is_not_found(alice: Person) -> None:
    for user_id in (NOBODY, "x", NOBODY.upper(), NOBODY + "0", "%00"):
        assert problem(alice.get(f"/api/users/{user_id}")) == (404, "not_found")


def test_limits_and_cursors_are_checked(alice: Person) -> None:
    for query in ("limit=0", "limit=1001", "limit=x", "limit=", "cursor=nonsense", "cursor=9.9"):
        assert problem(alice.get(f"/api/users?{query}")) == (400, "bad_input"), query


def test_online_is_a_list_of_ids(alice: Person) -> None:
    answer = alice.get("/api/users/online")
    assert answer.status_code == 200
    assert isinstance(answer.json()["users"], list)
