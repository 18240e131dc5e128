"""Warm reads need no MongoDB and a fixed number of round trips to Redis (R28)."""

import pytest

from chat.auth.sessions.recent import callers
from chat.redis.client import redis
from chat.web.response_cache.middleware import ResponseCache
from tests.cache.conftest import token

# Each round trip is one pipeline. What was answered before needs one: the session, the count of
# calls and the versions of all that the answer was made from. So does a page: the session, the
# account and everything that it shows, who is online included.
ROUND_TRIPS = {
    "/channels/general": 1,
    "/channels": 1,
    "/api/users": 1,
    "/api/users/online": 1,
    "/api/channels": 1,
    "/api/channels/{channel}": 1,
    "/api/channels/{channel}/users": 1,
    "/api/channels/{channel}/messages": 1,
    "/api/emoji": 1,
    "/api/me": 1,
}

# The same for a caller whose answer is not kept, and whose session has been here before. Beside
# that one a page of the list of people and its order.
FOR_THE_FIRST_TIME = dict.fromkeys(ROUND_TRIPS, 1) | {"/api/users": 3}
del FOR_THE_FIRST_TIME["/channels/general"], FOR_THE_FIRST_TIME["/channels"]


@pytest.mark.parametrize("path", ROUND_TRIPS)
def test_a_warm_read_asks_mongodb_nothing_and_redis_as_often_as_stated(
    browser, commands, trips, path
):
    name, path = path, path.format(channel=browser.channel)
    first = browser.get(path)
    browser.get(path)
    commands.seen.clear()
    trips.clear()

    warm = browser.get(path)

    assert warm.status_code == 200
    assert warm.headers.get("X-Cache", "hit") == "hit"
    assert commands.seen == []
    assert len(trips) == ROUND_TRIPS[name]
    assert browser.get(path).headers.get("ETag") == first.headers.get("ETag")


def test_a_warm_page_of_a_channel_without_membership_asks_mongodb_nothing(browser, commands, trips):
    made = browser.owner.post(
        "/api/channels", json={"name": "elsewhere"}, headers={"X-CSRFToken": token(browser.owner)}
    ).json
    path = f"/channels/{made['slug']}"
    browser.get(path)
    browser.get(path)
    commands.seen.clear()
    trips.clear()

    assert 'data-member="false"' in browser.get(path).text

    assert commands.seen == []
    assert len(trips) == 1


def test_so_does_a_channel_for_a_page_that_is_there(browser, commands, trips):
    part = {"X-Part": "channel"}
    browser.get("/channels/general", headers=part)
    browser.get("/channels/general", headers=part)
    commands.seen.clear()
    trips.clear()

    assert browser.get("/channels/general", headers=part).headers["X-Edition"]

    assert commands.seen == []
    assert len(trips) == 1


@pytest.mark.parametrize("path", FOR_THE_FIRST_TIME)
def test_a_warm_read_new_to_this_caller_asks_mongodb_nothing(
    browser, commands, trips, monkeypatch, path
):
    name, path = path, path.format(channel=browser.channel)
    monkeypatch.setattr(ResponseCache, "_still", lambda *_: False)
    browser.get(path)
    browser.get(path)
    commands.seen.clear()
    trips.clear()

    assert browser.get(path).headers["X-Cache"] == "hit"

    assert commands.seen == []
    assert len(trips) == FOR_THE_FIRST_TIME[name]


@pytest.mark.parametrize("path", ROUND_TRIPS)
def test_a_session_that_this_process_does_not_know_costs_one_more(
    browser, trips, monkeypatch, path
):
    path = path.format(channel=browser.channel)
    browser.get(path)
    monkeypatch.setattr(ResponseCache, "_still", lambda *_: False)
    trips.clear()
    browser.get(path)
    known = len(trips)
    monkeypatch.setattr(callers, "get", lambda _sid: None)
    trips.clear()

    browser.get(path)

    assert len(trips) == known + 1


def test_a_write_checks_its_permission_in_one_round_trip(browser, trips):
    path, headers = (
        f"/api/channels/{browser.channel}/messages",
        {"X-CSRFToken": token(browser.owner)},
    )
    for number in (1, 2):
        trips.clear()
        sent = {"text": "hello", "client_id": f"asked-at-once-{number}"}
        assert browser.owner.post(path, json=sent, headers=headers).status_code == 201

    assert len(trips) == 2  # who may write there, and the write begins; the write ends


def test_a_cold_read_does_ask_mongodb(browser, commands):
    """The negative twin: the listener hears."""
    redis.call(lambda r: r.delete(f"cache:messages:recent:{browser.channel}"))
    commands.seen.clear()
    browser.get(f"/api/channels/{browser.channel}/messages")
    assert ("find", "messages") in commands.seen


def test_values_that_were_just_verified_are_not_verified_again(browser, commands, trips):
    path = "/api/channels"
    browser.get(path)
    browser.get(path)
    sent = {"text": "news", "client_id": "not-asked-twice-1"}
    posting = {"json": sent, "headers": {"X-CSRFToken": token(browser.owner)}}
    browser.owner.post(f"/api/channels/{browser.channel}/messages", **posting)
    commands.seen.clear()
    trips.clear()

    assert browser.get(path).headers["X-Cache"] == "hit"

    assert commands.seen == []
    assert len(trips) == 2  # all that the answer was made from; then the tail that has changed
    again = b"".join(part if isinstance(part, bytes) else part.encode() for part in trips[1])
    assert f"cache:messages:tail:{browser.channel}".encode() in again
    assert b"cache:channels:list" not in again


@pytest.mark.parametrize("path", ["/api/channels/{channel}/messages", "/channels/general"])
def test_an_edit_is_read_without_asking_mongodb_again(browser, commands, path):
    path = path.format(channel=browser.channel)
    headers = {"X-CSRFToken": token(browser.owner)}
    messages = browser.get(f"/api/channels/{browser.channel}/messages").json["messages"]
    browser.get(path), browser.owner.get(path)
    for number, message in enumerate(messages[-3:]):
        sent = {"text": f"edited {number} {path}"}
        edited = browser.owner.patch(f"/api/messages/{message['id']}", json=sent, headers=headers)
        assert edited.status_code == 200
        commands.seen.clear()

        assert sent["text"] in browser.get(path).text

        assert commands.seen == []
