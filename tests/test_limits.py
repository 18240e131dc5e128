"""How often one may try; the count goes on, quickly, whatever Redis does."""

import time

from flask import Flask

from chat import limits
from chat.errors import Throttled
from chat.extensions import redis
from tests.support.servers import Redis
from tests.support.small_app import leave, redis_client, redis_url, small_app
from tests.support.waiting import eventually


def tries(app: Flask, nickname: str, address: str = "10.0.0.1") -> int:
    """How many tries to log in are let through."""
    for n in range(20):
        with app.test_request_context("/login", environ_base={"REMOTE_ADDR": address}):
            try:
                limits.limit_login(nickname)
            except Throttled:
                return n
    return 20


def test_an_address_may_try_so_often_whatever_the_nickname(parts: Flask) -> None:
    assert [tries(parts, "a"), tries(parts, "b")] == [3, 0]
    assert tries(parts, "b", "10.0.0.2") == 3


def test_an_account_may_be_tried_so_often_from_wherever(parts: Flask) -> None:
    assert tries(parts, "Olga") == 3
    assert tries(parts, "olga", "10.0.0.2") == 0
    assert tries(parts, "ＯＬＧＡ", "10.0.0.3") == 0


def test_one_ipv6_customer_is_one_address(parts: Flask) -> None:
    assert tries(parts, "a", "2001:db8::1") == 3
    assert tries(parts, "b", "2001:db8::2") == 0
    assert tries(parts, "b", "2001:db8:0:1::1") == 3


def test_all_processes_count_together(parts: Flask) -> None:
    assert tries(parts, "olga") == 3
    leave()
    other = small_app(redis_url())
    assert tries(other, "olga", "10.0.0.2") == 0
    keys = redis_client().keys("limit:*")
    assert keys
    assert all(0 < redis_client().ttl(key) <= 60 for key in keys)


def test_without_redis_each_process_counts_for_itself(fragile: Flask, own_redis: Redis) -> None:
    own_redis.kill()
    assert tries(fragile, "olga") == 3
    assert tries(fragile, "olga", "10.0.0.2") == 0


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
    parts.add_url_rule("/try", "try", lambda: limits.limit_register() or "ok")
    http = parts.test_client()
    assert [http.get("/try").status_code for _ in range(3)] == [200, 200, 429]
    assert 0 < int(http.get("/try").headers["Retry-After"]) <= 3600
    assert "Retry-After" not in http.get("/plain").headers


def test_the_api_is_counted_by_caller(parts: Flask) -> None:
    parts.config["LIMIT_API"] = "5/minute"
    parts.add_url_rule("/call", "call", lambda: limits.limit_api() or "ok")
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
