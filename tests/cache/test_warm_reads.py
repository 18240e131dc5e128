"""What is warm is answered without MongoDB (R18)."""

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/channels/general",
        "/api/users",
        "/api/users/online",
        "/api/channels",
        "/api/channels/{channel}",
        "/api/channels/{channel}/users",
        "/api/channels/{channel}/messages",
        "/api/emoji",
        "/api/me",
    ],
)
def test_a_warm_read_asks_mongodb_nothing(browser, commands, path):
    path = path.format(channel=browser.channel)
    first = browser.get(path)
    browser.get(path)
    commands.seen.clear()

    warm = browser.get(path)

    assert warm.status_code == 200
    assert warm.headers.get("X-Cache", "hit") == "hit"
    assert commands.seen == []
    assert browser.get(path).headers.get("ETag") == first.headers.get("ETag")


def test_a_cold_read_does_ask_mongodb(browser, commands):
    """The negative twin: the listener hears."""
    from chat.extensions import redis

    redis.call(lambda r: r.delete(f"cache:messages:recent:{browser.channel}"))
    commands.seen.clear()
    browser.get(f"/api/channels/{browser.channel}/messages")
    assert ("find", "messages") in commands.seen
