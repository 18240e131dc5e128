"""Sessions in Redis and MongoDB: an outage logs nobody out, and an ended session stays ended."""

import json
import pickle
import secrets
import time
from datetime import timedelta

import pytest
from flask import Flask
from flask_login import encode_cookie
from pymongo.errors import ServerSelectionTimeoutError
from werkzeug.http import parse_cookie

from chat.auth import sessions
from chat.auth.sessions import cleanup as session_cleanup
from chat.auth.sessions import ids as session_ids
from chat.auth.sessions import store
from chat.models import User
from chat.models.session import Session
from chat.redis import DOWN
from chat.redis.client import redis
from tests.support.servers import Redis
from tests.support.small_app import Browser, empty, make_user, redis_client, redis_url, small_app
from tests.support.waiting import eventually


def raw(key: str) -> str | None:
    return redis_client().get(key)  # type: ignore[no-any-return]


def row_of(sid: str) -> dict:
    found = Session._get_collection().find_one({"_id": session_ids.sid_hash(sid)})
    assert found
    return found  # type: ignore[no-any-return]


def redis_is_back() -> None:
    eventually(lambda: redis.check() and redis.is_up())


@pytest.fixture
def olga(parts: Flask) -> Browser:
    return Browser(parts)


def test_a_session_is_json_in_redis_with_who_it_is_and_a_day_to_live(olga: Browser) -> None:
    data = json.loads(raw(f"session:{olga.sid}") or "")
    user = User.objects(nickname="olga").get()
    assert data == {
        "userId": str(user.id),
        "nickname": "olga",
        "role": "member",
        "csrfToken": olga.token,
        "auth_gen": 1,
    }
    assert 86390 <= redis_client().ttl(f"session:{olga.sid}") <= 86400


def test_the_database_holds_nothing_that_opens_a_session(olga: Browser) -> None:
    row = row_of(olga.sid)
    assert olga.sid not in repr(row)
    assert olga.http.application.secret_key
    with olga.app.app_context():
        assert session_ids.unseal(row["sealed"], row["_id"]) == olga.sid
        olga.app.secret_key = "another"
        assert session_ids.unseal(row["sealed"], row["_id"]) is None


def test_logging_in_gives_a_new_id_and_kills_the_old_one(parts: Flask) -> None:
    person = Browser.__new__(Browser)
    person.app, person.http = parts, parts.test_client()
    person.post("/login", token=person.http.get("/form").text, nickname="olga")
    before = person.sid
    person.post("/login", token=person.http.get("/form").text, nickname="olga")
    assert person.sid != before
    other = parts.test_client()
    other.set_cookie("session", before)
    assert other.get("/me").text == "nobody"
    with parts.app_context():
        assert not sessions.is_alive(before)
        assert sessions.is_alive(person.sid)


def test_an_id_that_somebody_made_up_is_never_taken_over(parts: Flask) -> None:
    planted = secrets.token_urlsafe(32)
    http = parts.test_client()
    http.set_cookie("session", planted)
    http.post("/login", data={"csrf_token": http.get("/form").text, "nickname": "olga"})
    cookie = http.get_cookie("session")
    assert cookie
    assert cookie.value != planted
    assert http.get("/me").text == "olga"
    other = parts.test_client()
    other.set_cookie("session", planted)
    assert other.get("/me").text == "nobody"
    for bad in ("", "a" * 42, "a" * 44, "../../etc" + "a" * 34, "{x}" + "a" * 40):
        http.set_cookie("session", bad)
        assert http.get("/me").text == "nobody"


def test_a_visitor_is_stored_nowhere_not_even_with_a_form(parts: Flask) -> None:
    http = parts.test_client()
    assert "Set-Cookie" not in http.get("/plain").headers
    cookie = http.get("/form").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert next(iter(parse_cookie(cookie))) == "form"
    token = http.get("/form").text
    assert "Set-Cookie" not in http.get("/form").headers
    assert http.post("/change", data={"csrf_token": token}).text == "changed"
    assert Session._get_collection().count_documents({}) == 0
    assert not redis_client().keys("session:*")


@pytest.mark.parametrize(
    ("settings", "name", "secure"),
    [
        ({}, "", False),
        ({"PRODUCTION": True}, "__Host-", True),
        ({"PUBLIC_URL": "https://chat.example.org"}, "__Host-", True),
        ({"PRODUCTION": True, "PUBLIC_URL": "http://chat.lan"}, "", False),
    ],
)
def test_the_cookies_are_bound_to_https_where_there_is_https(
    settings: dict, name: str, secure: bool
) -> None:
    made = small_app(None, DISABLE_REDIS=True, **settings)
    https = {"base_url": "https://localhost"}
    with made.app_context():
        empty()
        make_user("olga")
        http = made.test_client()
        form = http.get("/form", **https)
        fields = {"nickname": "olga", "csrf_token": form.text}
        answer = http.post("/login", data=fields, **https)
    cookies = [*form.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        f"{name}form", f"{name}device", f"{name}session",
    }  # fmt: skip
    for cookie in cookies:
        assert ("Secure" in cookie) is secure
        assert "Path=/" in cookie
        assert "HttpOnly" in cookie
    assert "Domain" not in cookie


def test_use_pushes_the_end_back_at_most_once_a_minute(olga: Browser) -> None:
    client, key = redis_client(), f"session:{olga.sid}"
    client.expire(key, 86400 - 30)
    assert olga.name() == "olga"
    assert client.ttl(key) <= 86400 - 30
    client.expire(key, 600)
    assert olga.name() == "olga"
    assert client.ttl(key) > 86390


def test_use_pushes_the_end_back_in_mongodb_too_but_seldom(olga: Browser) -> None:
    first = row_of(olga.sid)["expires_at"]
    assert olga.name() == "olga"
    assert row_of(olga.sid)["expires_at"] == first
    store._extended.clear()  # as after five minutes
    assert olga.name() == "olga"
    assert row_of(olga.sid)["expires_at"] > first


@pytest.mark.parametrize("redis_is", ["on", "off"])
def test_a_session_past_its_end_is_nobodys_even_before_mongodb_sweeps_it_away(
    parts: Flask, redis_is: str
) -> None:
    if redis_is == "off":
        parts = small_app(None, DISABLE_REDIS=True)
    person = Browser(parts)
    assert person.name() == "olga"
    past = {"expires_at": row_of(person.sid)["expires_at"] - timedelta(days=2)}
    key = {"_id": session_ids.sid_hash(person.sid)}
    assert Session._get_collection().update_one(key, {"$set": past}).matched_count == 1
    redis_client().delete(f"session:{person.sid}")
    assert person.name() == "nobody"


def test_mongodb_sweeps_sessions_away_at_their_end(parts: Flask) -> None:
    found = Session._get_collection().index_information().values()
    by_end = [each for each in found if each["key"] == [("expires_at", 1)]]
    assert [each.get("expireAfterSeconds") for each in by_end] == [0]


def test_logging_out_ends_the_session_in_both_stores(olga: Browser) -> None:
    sid = olga.sid
    thief = olga.app.test_client()
    thief.set_cookie("session", sid)
    assert thief.get("/me").text == "olga"
    assert olga.post("/logout").status_code == 200
    assert olga.name() == thief.get("/me").text == "nobody"
    assert raw(f"session:{sid}") is None
    assert row_of(sid)["ended"]
    assert "redis_dirty" not in row_of(sid)


def test_a_request_under_way_at_the_logout_brings_nothing_back(olga: Browser) -> None:
    sid = olga.sid
    other_tab = olga.app.test_client()
    other_tab.set_cookie("session", sid)
    olga.app.config["DURING"] = lambda: other_tab.post("/logout", data={"csrf_token": olga.token})
    olga.post("/slow")
    assert raw(f"session:{sid}") is None
    assert (row_of(sid)["ended"], row_of(sid)["data"]) == (True, "{}")
    with olga.app.app_context():
        assert not sessions.is_alive(sid)


def test_a_reader_overtaken_by_the_logout_does_not_refill_redis(
    olga: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sid, find = olga.sid, Session.find
    redis_client().delete(f"session:{sid}")

    def overtaken(key: str, life: object) -> dict | None:
        row = find(key, life)  # type: ignore[arg-type]
        store.end(sid)
        return row

    monkeypatch.setattr(Session, "find", overtaken)
    monkeypatch.setattr(Session, "extend", lambda *_: True)
    with olga.app.app_context():
        store.load(sid)
    assert raw(f"session:{sid}") is None


def test_nobody_is_logged_out_by_a_redis_that_is_gone(fragile: Flask, own_redis: Redis) -> None:
    person = Browser(fragile)
    own_redis.kill()
    assert person.name() == "olga"
    assert person.post("/change").text == "changed"
    second = Browser(fragile)
    assert second.name() == "olga"
    assert second.post("/logout").status_code == 200
    assert second.name() == "nobody"


def test_a_logout_during_an_outage_stays_one_when_redis_comes_back_with_old_data(
    fragile: Flask, own_redis: Redis
) -> None:
    stays, goes = Browser(fragile), Browser(fragile)
    sid = goes.sid
    own_redis.stop()
    assert goes.post("/logout").status_code == 200
    own_redis.restart()
    assert own_redis.client().exists(f"session:{sid}")  # the file still had it
    thief = fragile.test_client()
    thief.set_cookie("session", sid)
    redis_is_back()
    assert not own_redis.client().exists(f"session:{sid}")
    assert thief.get("/me").text == "nobody"
    assert stays.name() == "olga"


def test_redis_is_used_again_after_an_outage_in_which_a_living_session_changed(
    fragile: Flask, own_redis: Redis
) -> None:
    person = Browser(fragile)
    row = row_of(person.sid)
    own_redis.stop()
    with fragile.app_context():
        assert Session.rewrite(row["_id"], row["data"], row["user"], store.life())
    own_redis.restart()
    redis_is_back()
    assert person.name() == "olga"
    assert "redis_dirty" not in row_of(person.sid)


def test_a_deletion_that_redis_confirmed_and_lost_does_not_bring_a_session_back(
    fragile: Flask, own_redis: Redis
) -> None:
    person = Browser(fragile)
    sid, key = person.sid, f"session:{person.sid}"
    held = own_redis.client().get(key)
    person.post("/logout")
    own_redis.stop()
    own_redis.restart()
    own_redis.client().set(key, held)  # as a promoted replica that never heard of the deletion
    own_redis.client().delete(f"ended:{{{key}}}")
    redis_is_back()
    assert redis.call(lambda r: r.get(key)) is None
    with fragile.app_context():
        assert not sessions.is_alive(sid)


def test_what_a_killed_process_left_unsaid_is_repaired_by_the_sweep(olga: Browser) -> None:
    sid = olga.sid
    with olga.app.app_context():  # MongoDB was told, then the process died
        Session.end(session_ids.sid_hash(sid), session_ids.seal(sid), store.ENDED_SECONDS)
        assert raw(f"session:{sid}")
        redis.keep_up()
    assert raw(f"session:{sid}") is None
    assert "redis_dirty" not in row_of(sid)


def test_a_session_sealed_with_a_lost_key_is_still_found_for_the_repair(olga: Browser) -> None:
    sid = olga.sid
    with olga.app.app_context():
        Session.end(session_ids.sid_hash(sid), b"x" * 32, store.ENDED_SECONDS)
        assert session_cleanup.sweep()
    assert raw(f"session:{sid}") is None


def test_all_sessions_of_a_person_end_except_the_one_that_asks(parts: Flask) -> None:
    make_user("boris")
    asks, other, boris = Browser(parts), Browser(parts), Browser(parts, "boris")
    user_id = json.loads(raw(f"session:{asks.sid}") or "")["userId"]
    with parts.app_context():
        sessions.end_all(user_id, except_sid=asks.sid)
    assert raw(f"session:{other.sid}") is None
    assert [p.name() for p in (asks, other, boris)] == ["olga", "nobody", "boris"]
    with parts.app_context():
        sessions.end_all(user_id)
    assert asks.name() == "nobody"


@pytest.mark.parametrize("change", [{"set__active": False}, {"inc__auth_gen": 1}])
def test_a_deactivated_person_and_an_old_generation_are_nobody(olga: Browser, change: dict) -> None:
    sid = olga.sid
    with olga.app.app_context():
        User.change(User.objects(nickname="olga").get().id, **change)
    assert olga.name() == "nobody"
    assert raw(f"session:{sid}") is None
    assert row_of(sid)["ended"]


def test_changing_the_rollout_logs_nobody_out(parts: Flask) -> None:
    people = [Browser(parts) for _ in range(6)]
    for share in (100, 50, 0, 10, 100, 0, 50):
        parts.config["ROLLOUT_SESSIONS"] = share
        assert [person.name() for person in people] == ["olga"] * 6
    parts.config["ROLLOUT_SESSIONS"] = 0
    people[0].post("/logout")
    parts.config["ROLLOUT_SESSIONS"] = 100
    assert people[0].name() == "nobody"
    assert people[1].name() == "olga"


def test_without_rollout_redis_holds_no_session() -> None:
    made = small_app(redis_url(), ROLLOUT_SESSIONS=0)
    redis_client().flushdb()
    person = Browser(made)
    assert raw(f"session:{person.sid}") is None
    assert person.name() == "olga"


def test_everything_works_with_redis_switched_off() -> None:
    person = Browser(small_app(None, DISABLE_REDIS=True))
    assert person.name() == "olga"
    person.post("/logout")
    assert person.name() == "nobody"


def test_with_both_stores_gone_the_answer_is_503_and_the_cookie_stays(
    fragile: Flask, own_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Browser(fragile)
    sid = person.sid
    own_redis.kill()

    def gone() -> None:
        raise ServerSelectionTimeoutError("no MongoDB")

    with monkeypatch.context() as broken:
        broken.setattr(Session, "_get_collection", gone)
        for path in ("/me", "/form", "/plain"):
            answer = person.http.get(path)
            assert answer.status_code == 503
            assert "Set-Cookie" not in answer.headers
        assert fragile.test_client().get("/form").status_code == 200  # it needs neither
        assert person.http.get("/health").status_code == 200
    assert person.sid == sid
    assert person.name() == "olga"


def test_a_logout_that_nobody_could_write_down_is_not_confirmed(
    olga: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise ServerSelectionTimeoutError("no MongoDB")

    with monkeypatch.context() as broken:
        broken.setattr(Session, "end", gone)
        assert olga.post("/logout").status_code == 503
    assert olga.name() == "olga"


class Bomb:
    def __reduce__(self) -> tuple:
        return (pytest.fail, ("pickle was run",))


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"[1]", b"null", pickle.dumps(Bomb())])
def test_junk_in_redis_is_never_executed_and_mongodb_answers(olga: Browser, junk: bytes) -> None:
    redis_client().set(f"session:{olga.sid}", junk)
    assert olga.name() == "olga"


def test_a_socket_event_reuses_the_session_of_its_connect_without_io(
    olga: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with olga.http:
        olga.http.get("/me")
        import flask

        saved = flask.session._get_current_object()  # type: ignore[attr-defined]
        environ = dict(flask.request.environ, saved_session=saved)

    def never(*_: object) -> None:
        raise AssertionError("a store was asked")

    monkeypatch.setattr(store, "load", never)
    with olga.app.request_context(environ):
        import flask

        assert flask.session["nickname"] == "olga"


def test_a_hung_redis_delays_one_request_by_a_moment(fragile: Flask, own_redis: Redis) -> None:
    person = Browser(fragile)
    redis.watched = True
    try:
        with own_redis.hung():
            started = time.monotonic()
            assert [person.name() for _ in range(100)] == ["olga"] * 100
            # A wait for each request would make half a minute at least.
            assert time.monotonic() - started < 20
            assert redis.call(lambda r: r.ping()) is DOWN
    finally:
        redis.watched = False


def test_a_token_of_flask_login_opens_nothing_and_leaves_no_session(
    olga: Browser, parts: Flask
) -> None:
    with parts.app_context():
        token = encode_cookie(json.loads(raw(f"session:{olga.sid}") or "")["userId"])
    stranger = parts.test_client()
    stranger.set_cookie("remember_token", token)
    answer = stranger.get("/me")
    assert answer.text == "nobody"
    assert "Set-Cookie" not in answer.headers


def grow_old(sid: str, days: float) -> None:
    """As if somebody had logged in so many days earlier, and this process had just started."""
    key = {"_id": session_ids.sid_hash(sid)}
    earlier = {"$set": {"since": {"$subtract": ["$since", int(days * 86_400_000)]}}}
    Session._get_collection().update_one(key, [earlier])
    store._extended.clear()


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_session_ends_after_so_many_days_however_much_it_is_used(
    parts: Flask, with_redis: bool
) -> None:
    parts.config.update(SESSION_MAX_DAYS=30, ROLLOUT_SESSIONS=100 if with_redis else 0)
    person, other = Browser(parts), Browser(parts)
    grow_old(person.sid, 29.9)
    assert person.name() == "olga"
    assert (row_of(person.sid)["expires_at"] - row_of(person.sid)["since"]).days == 30
    grow_old(person.sid, 0.2)
    assert person.name() == "nobody"
    assert raw(f"session:{person.sid}") is None
    with parts.app_context():
        assert not sessions.is_alive(person.sid)
    assert other.name() == "olga"


def test_a_session_of_before_counts_from_its_next_use(olga: Browser) -> None:
    key = {"_id": session_ids.sid_hash(olga.sid)}
    Session._get_collection().update_one(key, {"$unset": {"since": ""}})
    store._extended.clear()
    assert olga.name() == "olga"
    assert row_of(olga.sid)["since"]


def test_another_role_gives_a_new_id_that_lives_no_longer(olga: Browser) -> None:
    old = olga.sid
    grow_old(old, 5)
    since = row_of(old)["since"]
    with olga.app.app_context():
        User.change(User.objects(nickname="olga").get().id, set__role="admin")
    assert olga.http.get("/api/private").status_code == 200
    assert olga.sid == old, "the answer to a call may be read by nobody who keeps its cookie"
    assert olga.name() == "olga"
    assert olga.sid != old
    assert row_of(olga.sid)["since"] == since
    assert json.loads(raw(f"session:{olga.sid}") or "")["role"] == "admin"
    thief = olga.app.test_client()
    thief.set_cookie("session", old)
    assert thief.get("/me").text == "nobody"
    assert olga.post("/change").text == "changed"
