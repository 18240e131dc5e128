"""Channels over HTTP; channels that a person may not see are answered like missing ones."""

import pytest

from tests.api.conftest import problem
from tests.support.people import NOBODY, Person, new_message


def test_the_creator_of_a_channel_is_its_first_member_and_manager(alice: Person) -> None:
    made = alice.post("/api/channels", {"name": "Отпуск 2026", "topic": "where to"})
    assert made.status_code == 201
    channel = made.json()
    assert channel["slug"].startswith("отпуск-2026")
    assert channel["member"]
    assert channel["kind"] == "public"
    assert channel in alice.get("/api/channels").json()["channels"]
    assert alice.get(f"/api/channels/{channel['id']}/users").json() == {"users": [alice.id]}


def test_people_join_and_leave_public_channels(alice: Person, bob: Person) -> None:
    channel = alice.new_channel()
    path = f"/api/channels/{channel['id']}"
    assert not bob.get(path).json()["member"]
    assert bob.post(f"{path}/join").status_code == 204
    assert bob.post(f"{path}/join").status_code == 204
    assert bob.get(path).json()["member"]
    assert set(alice.get(f"{path}/users").json()["users"]) == {alice.id, bob.id}
    assert bob.post(f"{path}/leave").status_code == 204
    assert not bob.get(path).json()["member"]


def test_a_channel_is_renamed_by_those_who_manage_it(alice: Person, bob: Person) -> None:
    channel = alice.new_channel()
    path = f"/api/channels/{channel['id']}"
    assert problem(bob.patch(path, {"topic": "mine now"})) == (403, "forbidden")
    changed = alice.patch(path, {"topic": "ours"})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["topic"]) == (channel["name"], "ours")


def test_a_direct_channel_is_one_however_often_it_is_opened(alice: Person, bob: Person) -> None:
    mine = alice.post("/api/directs", {"users": [bob.id]})
    theirs = bob.post("/api/directs", {"users": [alice.id]})
    assert mine.status_code == theirs.status_code == 200
    assert mine.json()["id"] == theirs.json()["id"]
    assert (mine.json()["title"], theirs.json()["title"]) == (bob.nickname, alice.nickname)
    assert set(mine.json()["people"]) == {alice.id, bob.id}


def test_a_direct_channel_with_nobody_real_is_refused(alice: Person) -> None:
    for users in ([NOBODY], ["x"], [{"$ne": 1}], [], "x"):
        assert alice.post("/api/directs", {"users": users}).status_code in (400, 404, 422)


def test_people_are_added_to_and_removed_from_a_private_channel(alice: Person, bob: Person) -> None:
    channel = alice.new_channel(kind="private")
    path = f"/api/channels/{channel['id']}"
    assert alice.post(f"{path}/people/{bob.id}").status_code == 204
    assert bob.get(path).json()["member"]
    assert problem(bob.delete(f"{path}/people/{alice.id}"))[0] == 403
    assert alice.delete(f"{path}/people/{bob.id}").status_code == 204
    assert problem(bob.get(path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/channels/{channel}", None),
        ("PATCH", "/api/channels/{channel}", {"topic": "x"}),
        ("POST", "/api/channels/{channel}/join", None),
        ("POST", "/api/channels/{channel}/leave", None),
        ("GET", "/api/channels/{channel}/users", None),
        ("POST", "/api/channels/{channel}/people/{me}", None),
        ("DELETE", "/api/channels/{channel}/people/{me}", None),
        ("GET", "/api/channels/{channel}/messages", None),
        ("GET", "/api/channels/{channel}/messages/around?seq=1", None),
        ("POST", "/api/channels/{channel}/messages", new_message("x")),
        ("POST", "/api/channels/{channel}/read", {"seq": 1}),
        ("PATCH", "/api/messages/{message}", {"text": "x"}),
        ("DELETE", "/api/messages/{message}", None),
    ],
)
def test_a_private_channel_looks_to_outsiders_like_none_at_all(
    alice: Person, admin: Person, method: str, path: str, body: dict | None
) -> None:
    channel = alice.new_channel(kind="private")
    message = alice.say(channel, "secret")
    real = path.format(channel=channel["id"], message=message["id"], me=admin.id)
    none = path.format(channel=NOBODY, message=NOBODY, me=admin.id)
    answers = [admin.api(method, where, body) for where in (real, none)]
    assert [a.status_code for a in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert channel["id"] not in admin.get("/api/channels").text
