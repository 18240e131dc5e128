"""The response cache reuses an answer only while it would be the same (R10, R18)."""

import gzip
from itertools import count

import gevent
import pytest

from chat.cache import response_dependencies, users_by_activity
from chat.cache.response_dependencies import Basis
from chat.models import User, base
from chat.redis.client import redis
from chat.web import compression
from chat.web.response_cache.middleware import CacheableRequest, ResponseCache
from chat.web.response_cache.store import CachedResponse, size_of
from tests.cache.conftest import enter, token

NUMBERS = count()
MESSAGES = "/api/channels/{channel}/messages"
ROUTES = [
    "/api/me", "/api/users", "/api/users?limit=1000", "/api/users/online", "/api/channels",
    "/api/channels/{channel}", "/api/channels/{channel}/users", MESSAGES, "/api/emoji",
]  # fmt: skip


@pytest.fixture
def given(monkeypatch):
    """What was given again, by path."""
    paths, still = [], ResponseCache._still

    def watched(self, sid, answer, passing):
        held = still(self, sid, answer, passing)
        if held:
            paths.append(answer.route)
        return held

    monkeypatch.setattr(ResponseCache, "_still", watched)
    return paths


def asked_twice(client, path):
    """The answer after it has been kept."""
    client.get(path)
    client.get(path)
    return client.get(path)


@pytest.mark.parametrize("path", ROUTES)
def test_what_nobody_changed_is_given_again(browser, given, path):
    path = path.format(channel=browser.channel)
    first = browser.get(path)
    again = asked_twice(browser, path)

    assert given
    assert again.data == first.data
    own = {"X-Request-ID", "X-Cache", "Date"}
    assert {h for h in again.headers if h[0] not in own} == {
        h for h in first.headers if h[0] not in own
    }
    assert again.headers["X-Cache"] == "hit"


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip"])
def test_what_is_given_again_is_not_compressed_again(browser, given, monkeypatch, encoding):
    made, packed = compression.COMPRESS[encoding], []
    monkeypatch.setitem(
        compression.COMPRESS, encoding, lambda body: packed.append(body) or made(body)
    )
    path, accepts = f"/api/channels/{browser.channel}/messages", {"Accept-Encoding": encoding}
    asked_twice(browser, path)
    already = len(given)
    answers = [browser.get(path, headers=accepts) for _ in range(4)]
    assert len(given) == already + 4
    assert len(packed) <= 1  # by the first of them, unless it was compressed when it was made
    assert len({answer.data for answer in answers}) == 1
    assert {answer.headers["Content-Encoding"] for answer in answers} == {encoding}


def test_an_answer_that_was_made_compressed_is_kept_in_both_forms(browser, given, monkeypatch):
    path = f"/api/channels/{browser.channel}/messages?limit=47"
    accepts = {"Accept-Encoding": "gzip"}
    asked_twice(browser, path.replace("47", "46"))  # an answer from warm caches is kept
    already = len(given)
    made = browser.get(path, headers=accepts)
    assert len(given) == already
    monkeypatch.setitem(compression.COMPRESS, "gzip", None)  # to compress again would fail
    again, plain = browser.get(path, headers=accepts), browser.get(path)
    assert len(given) == already + 2
    assert again.data == made.data
    assert gzip.decompress(again.data) == plain.data
    assert "Content-Encoding" not in plain.headers


def test_compressed_forms_count_as_memory_of_the_cache(browser):
    store = ResponseCache(browser.application, None, lambda user_id: None)
    answer = CachedResponse(b"x" * 2000, "tag", Basis(), "GET /", [])
    asked = CacheableRequest("sid", ("place",), "user", None)
    store._kept.put(asked.key(alike=False), answer, size_of(asked.key(alike=False), answer))
    before = store._kept.size
    packed = store._compressed(answer, asked, "zstd")
    assert store._kept.size == before + len(packed)


def changed_by(client, method, path, **body):
    answer = client.open(
        path, method=method, json=body or None, headers={"X-CSRFToken": token(client)}
    )
    assert answer.status_code < 300, answer.text
    return answer


def somebody_posts(owner, channel):
    sent = {"text": "news", "client_id": f"again-{next(NUMBERS):05}"}
    return changed_by(owner, "POST", f"/api/channels/{channel}/messages", **sent).json


def somebody_edits(owner, channel):
    message = somebody_posts(owner, channel)
    asked_twice(owner, f"/api/channels/{channel}/messages")
    changed_by(owner, "PATCH", f"/api/messages/{message['id']}", text="other news")


def somebody_deletes(owner, channel):
    message = somebody_posts(owner, channel)
    changed_by(owner, "DELETE", f"/api/messages/{message['id']}")


def somebody_says_how_they_are(owner, channel):
    changed_by(owner, "PATCH", "/api/me", status=f"busy {next(NUMBERS)}")


def somebody_describes_the_channel(owner, channel):
    changed_by(owner, "PATCH", f"/api/channels/{channel}", topic=f"topic {next(NUMBERS)}")


def somebody_makes_a_channel(owner, channel):
    changed_by(owner, "POST", "/api/channels", name="another")


def somebody_moves_up(owner, channel):
    moment = {owner.get("/api/me").json["id"]: base.now()}
    with owner.application.app_context():
        User.touch_all(moment)
        users_by_activity.store_activity(moment)


def somebody_comes(owner, channel):
    person = owner.get("/api/me").json["id"]

    def come(client):
        client.sadd("cache:users:online", person)
        client.incr("v:{cache:users:online}", 10**15)

    redis.call(come)


CHANGES = [
    (MESSAGES, somebody_posts),
    (MESSAGES, somebody_edits),
    (MESSAGES, somebody_deletes),
    ("/api/channels", somebody_posts),
    ("/api/channels", somebody_describes_the_channel),
    ("/api/channels", somebody_makes_a_channel),
    ("/api/channels/{channel}", somebody_describes_the_channel),
    ("/api/users", somebody_says_how_they_are),
    ("/api/users", somebody_moves_up),
    ("/api/users", somebody_comes),
    ("/api/users/online", somebody_comes),
]


@pytest.mark.parametrize(("path", "change"), CHANGES)
def test_after_a_change_nobody_is_given_what_was_before(browser, given, path, change):
    path = path.format(channel=browser.channel)
    redis.call(lambda client: client.delete("cache:users:online", "v:{cache:users:online}"))
    before = asked_twice(browser, path)
    assert given

    change(browser.owner, browser.channel)

    assert browser.get(path).data != before.data


def test_the_test_above_notices_when_versions_are_not_compared(browser, given, monkeypatch):
    path = MESSAGES.format(channel=browser.channel)
    before = asked_twice(browser, path)
    monkeypatch.setattr(Basis, "holds", lambda basis, answers: True)

    somebody_posts(browser.owner, browser.channel)

    assert browser.get(path).data == before.data


def test_a_session_that_was_ended_is_given_nothing(browser, given):
    other = browser.application.test_client()
    enter(other, "/login", nickname="boris", password="long password 1")
    ended = other.get_cookie("session").value
    assert asked_twice(other, "/api/me").status_code == 200
    assert given

    assert other.post("/logout", data={"csrf_token": token(other)}).status_code == 303

    other.set_cookie("session", ended)
    assert other.get("/api/me").status_code == 401


def test_nobody_is_given_what_was_made_for_another_session(browser, given):
    asked_twice(browser, "/api/me")
    assert browser.owner.get("/api/me").json["nickname"] == "olga"
    assert browser.application.test_client().get("/api/me").status_code == 401


def test_a_page_that_mongodb_was_asked_for_is_not_kept(browser, given):
    path = MESSAGES.format(channel=browser.channel) + "?before=20"
    asked_twice(browser, path)
    assert given == []


def test_answers_given_again_are_counted_against_the_limit(browser, given, monkeypatch):
    monkeypatch.setitem(browser.application.config, "LIMIT_API", "5/minute")
    answers = [browser.get("/api/emoji").status_code for _ in range(7)]
    assert answers.count(200) == 5
    assert answers[-1] == 429
    assert given


def test_each_answer_has_an_id_of_its_own_and_the_callers_where_it_has_one(browser, given):
    asked_twice(browser, "/api/emoji")
    ids = {browser.get("/api/emoji").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    told = browser.get("/api/emoji", headers={"X-Request-ID": "from-the-caller"})
    assert told.headers["X-Request-ID"] == "from-the-caller"
    assert given


def test_what_the_caller_has_already_is_not_sent_again(browser, given):
    held = asked_twice(browser, "/api/emoji").headers["ETag"]
    given.clear()
    answer = browser.get("/api/emoji", headers={"If-None-Match": held})
    assert (answer.status_code, answer.data) == (304, b"")
    assert given


ALIKE = [
    "/api/users", "/api/users/online", "/api/channels/{channel}/users", MESSAGES, "/api/emoji",
]  # fmt: skip


@pytest.mark.parametrize("path", ALIKE)
def test_what_everybody_is_given_alike_is_made_once(browser, given, path):
    path = path.format(channel=browser.channel)
    asked_twice(browser.owner, "/api/me")
    first = asked_twice(browser, path)
    given.clear()

    assert browser.owner.get(path).data == first.data
    assert given


@pytest.fixture
def dora(browser):
    """Somebody who has just come, in a browser of her own, known to the process."""
    csrf = {"X-CSRFToken": token(browser.owner)}
    invite = browser.owner.post("/api/invites", headers=csrf).json["code"]
    client = browser.application.test_client()
    name = f"dora{next(NUMBERS)}"
    enter(client, "/register", invite=invite, nickname=name, password="long password 3")
    client.name = name
    asked_twice(client, "/api/me")
    return client


def test_what_only_members_may_read_is_given_to_members_alone(browser, dora, given):
    made = changed_by(browser.owner, "POST", "/api/channels", name="secret", kind="private").json
    path = MESSAGES.format(channel=made["id"])
    somebody_posts(browser.owner, made["id"])
    asked_twice(browser.owner, path)
    assert given

    assert dora.get(path).status_code == 404
    assert dora.get(f"/api/channels/{made['id']}/users").status_code == 404


def test_without_the_word_that_membership_decided_an_outsider_would_read_it(
    browser, dora, given, monkeypatch
):
    monkeypatch.setattr(response_dependencies, "for_caller", lambda: None)
    made = changed_by(browser.owner, "POST", "/api/channels", name="open", kind="private").json
    path = MESSAGES.format(channel=made["id"])
    somebody_posts(browser.owner, made["id"])
    asked_twice(browser.owner, path)

    assert dora.get(path).status_code == 200


@pytest.mark.parametrize("change", [{"set__active": False}, {"inc__auth_gen": 1}])
def test_whose_account_may_not_act_any_more_is_not_given_what_everybody_is(
    browser, dora, given, change
):
    """Deactivated, or signed in before the last change of password: the session still stands."""
    asked_twice(dora, "/api/users")
    assert given
    with browser.application.app_context():
        User.change(dora.get("/api/me").json["id"], **change)
        asked_twice(browser.owner, "/api/users")

    assert dora.get("/api/users").status_code == 401


def test_who_is_not_in_every_rollout_is_answered_by_flask(browser, dora, given, monkeypatch):
    asked_twice(browser, "/api/emoji")
    given.clear()
    monkeypatch.setitem(browser.application.config, "ROLLOUT_EMOJI", 0)

    assert dora.get("/api/emoji").headers["X-Cache"] == "bypass"
    assert given == []


def test_what_is_about_to_expire_is_made_anew_so_that_it_is_fetched_early(browser, given):
    path = MESSAGES.format(channel=browser.channel)
    asked_twice(browser, path)
    assert given
    key = f"cache:messages:recent:{browser.channel}"
    assert redis.call(lambda client: client.pexpire(key, 1_500))

    answers = [browser.get(path) for _ in range(5)]

    assert {answer.headers["X-Cache"] for answer in answers} == {"hit"}
    with gevent.Timeout(10):  # what was spawned runs while this greenlet lets it
        while redis.call(lambda client: client.pttl(key)) < 10_000:
            gevent.sleep(0.01)
