"""Bearer tokens for programs, and CSRF tokens for browsers."""

import requests
from bson import ObjectId
from pymongo import MongoClient

from tests.api.conftest import problem
from tests.conftest import NewPerson
from tests.support.people import Person, new_message
from tests.support.processes import AppProcess


def test_a_token_works_without_csrf_until_it_is_revoked(alice: Person) -> None:
    token = alice.new_token("build bot")
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
    token = alice.new_token("mine")
    assert problem(bob.delete(f"/api/tokens/{token['id']}")) == (404, "not_found")
    assert alice.delete(f"/api/tokens/{token['id']}").status_code == 204
    assert problem(alice.delete(f"/api/tokens/{token['id']}")) == (404, "not_found")


def test_an_invalid_token_is_refused(alice: Person) -> None:
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


def test_a_call_without_credentials_is_anonymous(anonymous: Person) -> None:
    for path in ("/api/me", "/api/users", "/api/channels", "/api/emoji"):
        assert problem(anonymous.get(path)) == (401, "unauthenticated")


def may(url: str, token: dict) -> int:
    bot = {"Authorization": f"Bearer {token['token']}"}
    return requests.get(f"{url}/api/me", headers=bot, timeout=10).status_code


def test_a_token_is_made_only_with_the_password(alice: Person) -> None:
    for given in ({}, {"password": 1}):
        assert problem(alice.post("/api/tokens", {"name": "x"} | given))[0] == 400
    wrong = alice.post("/api/tokens", {"name": "x", "password": "not the password"})
    assert problem(wrong) == (422, "invalid")
    assert wrong.json()["field"] == "password"
    page = alice.post_form("/settings/tokens", name="my bot", password="not the password")
    assert page.status_code == 422
    assert "my bot" in page.text
    assert 'id="token_password-error"' in page.text
    assert alice.get("/settings").text.count("/revoke") == 0


def test_a_token_makes_no_token_and_sends_no_form(alice: Person) -> None:
    token = alice.new_token()
    bot = {"Authorization": f"Bearer {token['token']}"}
    body = {"name": "another", "password": alice.password}
    made = requests.post(f"{alice.url}/api/tokens", json=body, headers=bot, timeout=10)
    assert problem(made) == (403, "forbidden")
    form = {"old_password": alice.password, "new_password": "quite another one"}
    for path, fields in (
        ("/settings/tokens", body), ("/settings/password", form), ("/settings/sessions/end", {}),
    ):  # fmt: skip
        sent = requests.post(
            alice.url + path, data=fields, headers=bot, timeout=10, allow_redirects=False
        )
        assert sent.status_code == 403
        assert "session=" not in sent.headers.get("Set-Cookie", "")
    assert may(alice.url, token) == 200
    assert alice.again()


def test_a_token_ends_with_the_password_unless_it_is_to_stay(new_person: NewPerson) -> None:
    alice = new_person()
    ends = alice.new_token()
    change = {"old_password": alice.password, "new_password": "the second one"}
    assert alice.post_form("/settings/password", **change).status_code == 303
    assert may(alice.url, ends) == 401
    assert ends["name"] not in alice.get("/settings").text

    alice.password = "the second one"
    stays = alice.new_token("long lived")
    change = {"old_password": "the second one", "new_password": "the third one"}
    assert alice.post_form("/settings/password", **change, keep_tokens="on").status_code == 303
    assert may(alice.url, stays) == 200


def test_a_token_that_was_being_made_while_the_password_changed_is_dead(
    server: AppProcess, new_person: NewPerson
) -> None:
    alice = new_person()
    late = alice.new_token()
    with MongoClient(server.env["MONGODB_URI"]) as mongo:
        tokens = mongo.get_default_database()["tokens"]
        stored = tokens.find_one({"_id": ObjectId(late["id"])})
        change = {"old_password": alice.password, "new_password": "the second one"}
        assert alice.post_form("/settings/password", **change).status_code == 303
        tokens.insert_one(stored)  # its maker was checked before, and stored afterwards
    assert may(alice.url, late) == 401
