"""The rate limits hold in all states of Redis."""

import time
from contextlib import suppress

import pytest
from flask import Flask
from pymongo.errors import ServerSelectionTimeoutError

from chat.errors import Crowded, Forbidden, Invalid, Throttled, Unavailable
from chat.redis.client import redis
from chat.web import rate_counters, rate_limits
from tests.support.servers import Redis
from tests.support.small_app import leave, redis_client, redis_url, small_app
from tests.support.waiting import eventually


def tries(app: Flask, nickname: str, address: str = "10.0.0.1") -> int:
    """How many tries to log in are let through."""
    for n in range(20):
        with app.test_request_context("/login", environ_base={"REMOTE_ADDR": address}):
            try:
                with rate_limits.login_try(nickname):
                    raise Invalid
            except Throttled:
                return n
            except Invalid:
                continue
    return 20


def test_an_account_may_be_tried_so_often_from_one_address(parts: Flask) -> None:
    assert tries(parts, "Olga") == 3
    assert tries(parts, "ＯＬＧＡ") == 0
    assert tries(parts, "anna") == 3
    assert tries(parts, "olga", "10.0.0.2") == 3, "whoever is elsewhere is not locked out by that"


def test_an_address_may_try_ten_times_as_often_whatever_the_nickname(parts: Flask) -> None:
    assert sum(tries(parts, f"n{n}") for n in range(12)) == 30
    assert tries(parts, "n0", "10.0.0.2") == 3


def test_an_account_may_be_tried_five_times_as_often_from_all_addresses(parts: Flask) -> None:
    assert sum(tries(parts, "olga", f"10.0.0.{n}") for n in range(8)) == 15
    assert tries(parts, "anna") == 3


def test_a_refused_attempt_does_not_use_up_later_limits(parts: Flask) -> None:
    for _ in range(10):  # two hundred tries from one address
        tries(parts, "olga")
    assert tries(parts, "olga", "10.0.0.2") == 3
    assert tries(parts, "anna") == 3


def test_one_ipv6_customer_is_one_address(parts: Flask) -> None:
    assert tries(parts, "a", "2001:db8::1") == 3
    assert tries(parts, "a", "2001:db8::2") == 0
    assert tries(parts, "a", "2001:db8:0:1::1") == 3


@pytest.mark.parametrize("redis_is_up", [True, False])
def test_a_right_password_does_not_count(
    fragile: Flask, own_redis: Redis, redis_is_up: bool
) -> None:
    if not redis_is_up:
        own_redis.kill()
    for _ in range(50):
        with (
            fragile.test_request_context("/login", environ_base={"REMOTE_ADDR": "10.0.0.1"}),
            rate_limits.login_try("olga"),
        ):
            pass
    assert tries(fragile, "olga") == 3


TRIES = {
    "log-in": lambda: rate_limits.login_try("olga"),
    "password": lambda: rate_limits.password_try("a session"),
    "by invite": lambda: rate_limits.register_try("invite"),
    "where all may": lambda: rate_limits.register_try("open"),
    "without a right": lambda: rate_limits.register_try(""),
}


def passed(app: Flask, kind: str, end: Exception) -> int:
    """How many of fifty tries are let through if all of them end like this."""
    count = 0
    for _ in range(50):
        with (
            app.test_request_context("/", environ_base={"REMOTE_ADDR": "10.0.0.1"}),
            suppress(type(end), Throttled),
            TRIES[kind](),
        ):
            count += 1
            raise end
    return count


@pytest.mark.parametrize("kind", TRIES)
@pytest.mark.parametrize("end", [Crowded(), Unavailable(), ServerSelectionTimeoutError()])
def test_unchecked_attempts_do_not_count(parts: Flask, kind: str, end: Exception) -> None:
    assert passed(parts, kind, end) == 50


@pytest.mark.parametrize("kind", TRIES)
@pytest.mark.parametrize("end", [Invalid(), Forbidden()])
def test_wrong_attempts_count(parts: Flask, kind: str, end: Exception) -> None:
    assert passed(parts, kind, end) < 50


def test_counts_in_memory_are_bounded_however_many_names_strangers_try() -> None:
    counts = rate_counters.Counters()
    for number in range(rate_counters.MOST_COUNTS + 500):
        counts.add(f"name {number}", 60, 1)
    assert counts.reset() == rate_counters.MOST_COUNTS


def test_all_processes_count_together(parts: Flask) -> None:
    assert tries(parts, "olga") == 3
    leave()
    other = small_app(redis_url())
    assert tries(other, "olga") == 0
    keys = redis_client().keys("limit:*")
    assert keys
    assert all(0 < redis_client().ttl(key) <= 60 for key in keys)


def test_without_redis_each_process_counts_for_itself(fragile: Flask, own_redis: Redis) -> None:
    own_redis.kill()
    assert tries(fragile, "olga") == 3
    assert tries(fragile, "olga") == 0


def test_a_hung_redis_costs_one_moment_not_one_a_try(fragile: Flask, own_redis: Redis) -> None:
    redis.watched = True
    try:
        redis.check()
        with own_redis.hung():
            started = time.monotonic()
            for number in range(50):
                assert tries(fragile, f"olga-{number}", f"10.0.1.{number}") == 3
            # Two hundred tries: each with a wait of its own would make a minute.
            assert time.monotonic() - started < 20
    finally:
        redis.watched = False


def test_the_answer_says_when_to_come_back(parts: Flask) -> None:
    def guess() -> str:
        with rate_limits.register_try(""):
            return "ok"

    parts.add_url_rule("/try", "try", guess)
    http = parts.test_client()
    assert [http.get("/try").status_code for _ in range(3)] == [200, 200, 429]
    assert 0 < int(http.get("/try").headers["Retry-After"]) <= 3600
    assert "Retry-After" not in http.get("/plain").headers


def test_the_api_is_counted_by_caller(parts: Flask) -> None:
    parts.config["LIMIT_API"] = "5/minute"
    parts.add_url_rule("/call", "call", lambda: rate_limits.limit_api() or "ok")
    http = parts.test_client()
    answers = [http.get("/call").status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    elsewhere = {"REMOTE_ADDR": "10.9.9.9"}
    assert http.get("/call", environ_base=elsewhere).status_code == 200


def test_forms_are_counted_like_calls_of_the_api(parts: Flask) -> None:
    parts.config["LIMIT_API"] = "5/minute"
    parts.add_url_rule("/write", "write", lambda: "ok", methods=["GET", "POST"])
    http = parts.test_client()
    fields = {"csrf_token": http.get("/form").text}
    answers = [http.post("/write", data=fields).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    assert http.get("/write").status_code == 200


def test_the_window_ends(parts: Flask) -> None:
    parts.config["LIMIT_LOGIN"] = "1/second"
    assert tries(parts, "olga") == 1
    eventually(lambda: tries(parts, "olga") == 1)
