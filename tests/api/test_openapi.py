"""The OpenAPI description lists every route, and all answers match it."""

import re

import pytest
import requests
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.people import Person, new_message

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def described(anonymous: Person) -> dict:
    answer = anonymous.get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_every_route_is_described_and_every_description_has_a_route(
    anonymous: Person, app: Flask
) -> None:
    paths = described(anonymous)["paths"]
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api") and rule.endpoint != "api.nothing"
        for method in (rule.methods or set()) & METHODS
    }
    assert told == served


def test_the_description_is_openapi_3_1_and_has_the_problem_schema(anonymous: Person) -> None:
    document = described(anonymous)
    assert document["openapi"].startswith("3.1")
    answers = document["paths"]["/api/channels"]["post"]["responses"]
    assert set(answers) >= {"201", "400", "401", "403", "415", "422"}
    assert "application/problem+json" in answers["422"]["content"]


@pytest.fixture
def ids(alice: Person, bob: Person) -> dict[str, str]:
    """Things that exist, so that the machine's requests get somewhere."""
    channel = alice.new_channel()
    message = alice.say(channel, "hello")
    return {"channel_id": channel["id"], "message_id": message["id"], "user_id": bob.id}


def test_whatever_is_sent_the_answers_are_as_described(
    alice: Person, anonymous: Person, ids: dict[str, str]
) -> None:
    token = alice.new_token("schemathesis")["token"]
    schema = schemathesis.openapi.from_dict(described(anonymous))
    schema.config.update(base_url=alice.url)
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    seen: set[int] = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=8, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: schemathesis.Case) -> None:
            for name in set(case.path_parameters or {}) & set(ids):
                if len(str(case.path_parameters[name])) % 2:
                    case.path_parameters[name] = ids[name]
            if isinstance(case.body, dict) and "client_id" in case.body:
                case.body |= new_message("something to store")
            response = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=10)
            seen.add(response.status_code)
            case.validate_response(response, checks=checks)

        check()
    assert {200, 201, 204, 404, 422} <= seen  # else nothing was really asked
    assert requests.get(f"{alice.url}/health", timeout=10).status_code == 200
