"""People who call the API as a browser does. Most of them serve all tests of a module."""

from collections.abc import Iterator

import pytest
import requests

from tests.support.people import Person
from tests.support.processes import AppProcess


def problem(answer: requests.Response) -> tuple[int, str]:
    """Status and name of an error, after a look at its form."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text[:300]
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["title"]
    assert told["detail"]
    return answer.status_code, told["error"]


@pytest.fixture(scope="module")
def alice(server: AppProcess, invite: str) -> Iterator[Person]:
    person = Person(server.url).register(invite)
    yield person
    person.close()


@pytest.fixture(scope="module")
def bob(server: AppProcess, invite: str) -> Iterator[Person]:
    person = Person(server.url).register(invite)
    yield person
    person.close()


@pytest.fixture(scope="module")
def moderator(server: AppProcess, owner: Person, invite: str) -> Iterator[Person]:
    person = Person(server.url).register(invite)
    owner.give_role(person, "moderator")
    yield person
    person.close()


@pytest.fixture(scope="module")
def admin(server: AppProcess, owner: Person, invite: str) -> Iterator[Person]:
    person = Person(server.url).register(invite)
    owner.give_role(person, "admin")
    yield person
    person.close()


@pytest.fixture
def anonymous(server: AppProcess) -> Iterator[Person]:
    person = Person(server.url)
    yield person
    person.close()
