"""Prefetched reads and counts never change an answer."""

import pytest
from flask import g

from chat.cache import response_dependencies, users
from chat.cache.fence import reads as fence_reads
from chat.models import User
from chat.redis.client import redis
from chat.redis_schema import keys
from chat.web.response_cache import store
from chat.web.response_cache.store import CachedResponse
from tests.cache.conftest import enter, token
from tests.cache.test_response_cache import asked_twice, given  # noqa: F401 - a fixture


def cached_keys():
    return redis.call(lambda client: set(client.scan_iter("*")))


@pytest.mark.parametrize("path", ["", "/users", "/messages"])
@pytest.mark.parametrize("bad", ["zzz", "Z" * 24, "%00", "z" * 3000])
def test_an_invalid_id_is_not_found_and_leaves_no_key(browser, bad, path):
    browser.get("/api/me")
    before = cached_keys()
    assert browser.get(f"/api/channels/{bad}{path}").status_code == 404
    assert not {key for key in cached_keys() - before if "z" in key.lower() or "\0" in key}


COLD = {
    "/api/me": "cache:users:profile:*", "/api/emoji": "cache:emoji:classics",
    "/api/channels": "cache:channels:list",
    "/api/channels/{channel}/messages": "cache:messages:recent:{channel}",
}  # fmt: skip


@pytest.mark.parametrize("path", COLD)
def test_what_mongodb_was_asked_for_ahead_is_no_hit(browser, path):
    name = COLD[path].format(channel=browser.channel)
    path = path.format(channel=browser.channel)
    redis.call(lambda client: [client.delete(key) for key in client.scan_iter(name)])
    assert browser.get(path).headers["X-Cache"] == "miss"
    assert browser.get(path).headers["X-Cache"] == "hit"


def test_answers_are_bounded_however_small_they_are():
    kept = store.new(most=100_000)
    for n in range(1_000):
        answer = CachedResponse(b"{}", "etag", response_dependencies.Basis(), "GET /api/me", [])
        key = ("session", "/api/me", f"{n:06}" * 100)
        kept.put(key, answer, store.size_of(key, answer))
    assert len(kept) < 30


def after_logging_out(browser):
    """A browser that was given something again and has logged out, and the id it had."""
    other = browser.application.test_client()
    enter(other, "/login", nickname="boris", password="long password 1")
    ended = other.get_cookie("session").value
    asked_twice(other, "/api/me")
    other.post("/logout", data={"csrf_token": token(other)})
    return other, ended


def test_a_call_of_an_ended_session_is_counted_for_its_address(browser, given, monkeypatch):  # noqa: F811
    other, ended = after_logging_out(browser)
    assert given
    other.set_cookie("session", ended)
    monkeypatch.setitem(browser.application.config, "LIMIT_API", "3/hour")
    assert [other.get("/api/me").status_code for _ in range(5)] == [401] * 3 + [429] * 2


def test_calls_with_an_ended_session_do_not_count_for_its_person(browser, given, monkeypatch):  # noqa: F811
    other, ended = after_logging_out(browser)
    assert given
    enter(other, "/login", nickname="boris", password="long password 1")
    browser_of_old = browser.application.test_client()
    browser_of_old.set_cookie("session", ended)
    monkeypatch.setitem(browser.application.config, "LIMIT_API", "7/hour")

    assert {browser_of_old.get("/api/me").status_code for _ in range(12)} == {401, 429}

    assert other.get("/api/me").status_code == 200


def test_profiles_are_never_older_than_the_version_they_are_kept_under(browser, monkeypatch):
    reader, read = asked_twice(browser, "/api/me").json["id"], fence_reads.get_many
    asked_twice(browser, "/api/users")

    def overtaken(names):
        found = read(names)
        User.change(reader, set__status="changed meanwhile")
        return found

    with browser.application.test_request_context():
        monkeypatch.setattr(fence_reads, "get_many", overtaken)
        response_dependencies.begin()
        assert users.get_profiles([reader])[reader]["status"] == ""
        now = redis.call(lambda client: client.get(f"v:{{{keys.users_list()}}}"))
        assert g.basis.fenced[keys.users_list()] != now
