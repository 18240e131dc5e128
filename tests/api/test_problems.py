"""Every error under /api is answered as RFC 9457 problem details."""

import pytest

from tests.api.conftest import problem
from tests.support.people import Person


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"text": 1, "client_id": "abcdefgh"}', "text"),
        (b'{"text": {"$ne": 1}, "client_id": "abcdefgh"}', "text"),
        (b'{"text": "x", "client_id": {"$gt": ""}}', "client_id"),
        (b'{"text": "x"}', "client_id"),
        (b'{"text": null, "client_id": "abcdefgh"}', "text"),
        (b"[]", None),
        (b'"text"', None),
        (b"null", None),
        (b"{", None),
        (b"", None),
        (b'{"text": "\xff", "client_id": "abcdefgh"}', None),
        (b'{"text": "\\ud800", "client_id": "abcdefgh"}', None),
        (b'{"x": ' + b"[" * 20_000, None),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused(
    alice: Person, body: bytes, field: str | None
) -> None:
    path = f"/api/channels/{alice.new_channel()['id']}/messages"
    refused = alice.api("POST", path, raw=body, content_type="application/json")
    assert problem(refused) == (400, "bad_input")
    assert refused.json().get("field") == field


def test_unknown_fields_are_ignored(alice: Person) -> None:
    made = alice.post("/api/channels", {"name": "extra", "owner": "me", "$where": "1"})
    assert made.status_code == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_json_is_refused(alice: Person, content_type: str) -> None:
    refused = alice.api("POST", "/api/channels", raw=b'{"name": "x"}', content_type=content_type)
    assert problem(refused) == (415, "unsupported_type")


def test_a_missing_page_is_a_problem_too(alice: Person) -> None:
    for path in ("/api", "/api/", "/api/nothing", "/api/users/", "/api/channels//messages"):
        assert problem(alice.get(path)) == (404, "not_found"), path


def test_a_wrong_method_is_answered_with_the_allowed_ones(alice: Person) -> None:
    refused = alice.api("PUT", "/api/users", {})
    assert problem(refused) == (405, "method_not_allowed")
    assert refused.headers["Allow"] == "GET"


def test_too_large_a_body_is_refused(alice: Person) -> None:
    refused = alice.api(
        "POST", "/api/channels", raw=b" " * 300_000, content_type="application/json"
    )
    assert problem(refused) == (413, "too_large")
