"""A post is announced with its checks; what is refused after all leaves nothing behind."""

import pytest

from chat.cache import announced_early
from chat.redis.client import redis
from chat.redis_schema import keys
from tests.cache.conftest import token

pytestmark = pytest.mark.needs_redis


def under_way(channel):
    """Whether a write to the channel is in progress, as far as Redis knows."""
    names = (keys.recent_messages(channel), keys.tail(channel))
    return redis.call(lambda r: r.exists(*(f"w:{{{name}}}" for name in names)))


def post(browser, text, client_id, csrf=None):
    path = f"/api/channels/{browser.channel}/messages"
    headers = {"X-CSRFToken": csrf or token(browser)}
    return browser.post(path, json={"text": text, "client_id": client_id}, headers=headers)


@pytest.fixture
def warm(browser):
    """Somebody of whom this process knows that they may post there."""
    path = f"/api/channels/{browser.channel}/messages"
    assert post(browser, "hello", "warm-for-all-1").status_code in (200, 201)
    assert browser.get(path).status_code == 200
    return browser


def test_a_post_is_announced_with_its_checks(warm, trips):
    trips.clear()
    assert post(warm, "hello", "announced-early-1").status_code == 201
    assert len(trips) == 2
    first = b"".join(part if isinstance(part, bytes) else part.encode() for part in trips[0])
    assert f"w:{{{keys.recent_messages(warm.channel)}}}".encode() in first
    assert not under_way(warm.channel)


@pytest.mark.parametrize(
    ("text", "csrf", "status"), [(" ", None, 422), ("hello", "not the token", 403)]
)
def test_a_refused_post_is_taken_back_and_the_cached_messages_stay(warm, trips, text, csrf, status):
    path = f"/api/channels/{warm.channel}/messages"
    shown = warm.get(path).json
    trips.clear()
    assert post(warm, text, "refused-early-1", csrf).status_code == status
    assert any(b"w:{" in part for sent in trips for part in sent if isinstance(part, bytes))
    assert not under_way(warm.channel)
    assert not announced_early._under_way
    again = warm.get(path)
    assert again.json == shown
    assert again.headers["X-Cache"] == "hit"


def test_who_has_left_meanwhile_is_refused_and_announces_nothing_for_good(warm):
    """What this process remembers says that they may."""
    headers = {"X-CSRFToken": token(warm)}
    left = warm.post(f"/api/channels/{warm.channel}/leave", headers=headers)
    assert left.status_code == 204
    try:
        assert post(warm, "hello", "left-meanwhile-1").status_code == 403
        assert not under_way(warm.channel)
        assert not announced_early._under_way
    finally:
        joined = warm.post(f"/api/channels/{warm.channel}/join", headers=headers)
        assert joined.status_code == 204


def test_the_same_post_again_changes_nothing_and_is_taken_back(warm):
    first = post(warm, "once", "the-same-again-1")
    again = post(warm, "once", "the-same-again-1")
    assert again.json["id"] == first.json["id"]
    assert not under_way(warm.channel)


def test_a_channel_that_this_process_does_not_know_is_announced_as_ever(warm):
    nowhere = "0" * 24
    headers = {"X-CSRFToken": token(warm)}
    sent = {"text": "hello", "client_id": "nowhere-known-1"}
    refused = warm.post(f"/api/channels/{nowhere}/messages", json=sent, headers=headers)
    assert refused.status_code == 404
    assert not redis.call(lambda r: r.exists(f"v:{{{keys.tail(nowhere)}}}"))
