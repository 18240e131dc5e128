"""Programs act for people with bearer tokens; browsers prove with CSRF tokens who asks."""

import requests

from tests.api.conftest import problem
from tests.support.people import Person, new_message


def test_a_token_works_without_csrf_until_it_is_revoked(alice: Person) -> None:
    made = alice.post("/api/tokens", {"name": "build bot"})
    assert made.status_code == 201
    token = made.json()
    channel = alice.new_channel()
    bot = {"Authorization": f"Bearer {token['token']}"}
    path = f"{alice.url}/api/channels/{channel['id']}/messages"
    posted = requests.post(path, json=new_message("built"), headers=bot, timeout=10)
    assert posted.status_code == 201
    assert posted.json()["author"]["id"] == alice.id
    assert "Set-Cookie" not in posted.headers
    assert alice.delete(f"/api/tokens/{token['id']}").status_code == 204
    refused = requests.post(path, json=new_message("late"), headers=bot, timeout=10)
    assert problem(refused) == (401, "unauthenticated")


def test_a_token_is_revoked_by_its_owner_only(alice: Person, bob: Person) -> None:
    token = alice.post("/api/tokens", {"name": "mine"}).json()
    assert problem(bob.delete(f"/api/tokens/{token['id']}")) == (404, "not_found")
    assert alice.delete(f"/api/tokens/{token['id']}").status_code == 204
    assert problem(alice.delete(f"/api/tokens/{token['id']}")) == (404, "not_found")


def test_nonsense_is_no_token(alice: Person) -> None:
    for header in ("Bearer nonsense", "Bearer ", "Basic eDp4", "Bearer \xff"):
        answer = requests.get(
            f"{alice.url}/api/me", headers={"Authorization": header.encode("latin-1")}, timeout=10
        )
        assert problem(answer) == (401, "unauthenticated")


def test_a_wrong_token_beside_a_good_cookie_is_no_way_round_csrf(alice: Person) -> None:
    answer = alice.api(
        "POST", "/api/channels", {"name": "x"}, csrf=None, headers={"Authorization": "Bearer x"}
    )
    assert answer.status_code in (401, 403)


def test_a_cookie_without_csrf_changes_nothing(alice: Person) -> None:
    for csrf in (None, "", "wrong"):
        refused = alice.api("POST", "/api/channels", {"name": "forged"}, csrf=csrf)
        assert problem(refused)[0] == 403
    assert "forged" not in alice.get("/api/channels").text


def test_nobody_is_nobody(anonymous: Person) -> None:
    for path in ("/api/me", "/api/users", "/api/channels", "/api/emoji"):
        assert problem(anonymous.get(path)) == (401, "unauthenticated")
