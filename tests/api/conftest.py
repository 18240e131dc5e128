"""People who call the API as a browser does: with a session cookie and its CSRF token."""

from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.conftest import NewPerson
from tests.support.people import Person
from tests.support.processes import AppProcess

NOBODY = "0123456789abcdef01234567"  # an id that belongs to nothing
_KEEP = "keep"


class Api:
    """One caller. `csrf` is sent with every change unless a call says otherwise."""

    def __init__(self, url: str, session: requests.Session, csrf: str, nickname: str = "") -> None:
        self.url = url
        self.session = session
        self.csrf = csrf
        self.nickname = nickname
        self.id = self.get("/api/me").json().get("id", "")

    def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str = "",
        csrf: str | None = _KEEP,
        headers: dict | None = None,
        **options: Any,
    ) -> requests.Response:
        sent = dict(headers or {})
        token = self.csrf if csrf == _KEEP else csrf
        if method != "GET" and token is not None:
            sent["X-CSRFToken"] = token
        if raw is not None:
            sent["Content-Type"] = content_type
        return self.session.request(
            method, self.url + path, json=json, data=raw, headers=sent, timeout=20, **options
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self.call("POST", path, json, **options)

    def patch(self, path: str, json: Any) -> requests.Response:
        return self.call("PATCH", path, json)

    def delete(self, path: str) -> requests.Response:
        return self.call("DELETE", path)


def problem(answer: requests.Response) -> tuple[int, str]:
    """Status and name of an error, after a look at its form."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text[:300]
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["title"]
    assert told["detail"]
    return answer.status_code, told["error"]


def new_channel(api: Api, kind: str = "public") -> dict:
    made = api.post("/api/channels", {"name": f"room {uuid4().hex[:8]}", "kind": kind})
    assert made.status_code == 201, made.text
    return made.json()


def new_message(text: str) -> dict:
    return {"text": text, "client_id": uuid4().hex}


def post(api: Api, channel: dict, text: str) -> dict:
    made = api.post(f"/api/channels/{channel['id']}/messages", new_message(text))
    assert made.status_code == 201, made.text
    return made.json()


def api_of(person: Person) -> Api:
    """The caller that a person is."""
    return Api(person.url, person.session, person.csrf, person.nickname)


@pytest.fixture
def alice(new_person: NewPerson) -> Api:
    return api_of(new_person())


@pytest.fixture
def bob(new_person: NewPerson) -> Api:
    return api_of(new_person())


@pytest.fixture
def moderator(new_person: NewPerson) -> Api:
    return api_of(new_person(role="moderator"))


@pytest.fixture
def admin(new_person: NewPerson) -> Api:
    return api_of(new_person(role="admin"))


@pytest.fixture
def anonymous(server: AppProcess) -> Api:
    return Api(server.url, requests.Session(), "")
