"""Two processes of one installation, on one MongoDB and one Redis."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from tests.realtime import stage
from tests.realtime.stage import AppProcess, Person
from tests.redis_parts import Server, mongod


@dataclass
class Site:
    """An installation: where its truth is, and its owner's invitation."""

    mongodb_uri: str
    redis: Server
    first: AppProcess
    second: AppProcess
    owner: Person
    invite: str


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    uri = mongod().uri.replace("/chat?", f"/chat_realtime_{uuid4().hex[:8]}?")
    redis = Server()
    with stage.running(uri, redis.url, PRESENCE_LEASE="6") as first:
        owner = stage.set_up(first.url)
        invite = owner.api("POST", "/api/invites").json()["code"]
        with stage.running(uri, redis.url, PRESENCE_LEASE="6") as second:
            yield Site(uri, redis, first, second, owner, invite)
    redis.stop()


@pytest.fixture
def person(site: Site) -> Iterator[Callable[..., Person]]:
    """Make people: `person()` at the first process, `person(site.second)` at the second."""
    people: list[Person] = []

    def make(app: AppProcess | None = None) -> Person:
        people.append(stage.register((app or site.first).url, site.invite))
        return people[-1]

    yield make
    for somebody in people:
        somebody.leave()


@pytest.fixture
def alice(person: Callable[..., Person]) -> Person:
    return person()


@pytest.fixture
def bob(site: Site, person: Callable[..., Person]) -> Person:
    """Somebody at the other process."""
    return person(site.second)


@pytest.fixture
def room(alice: Person, bob: Person) -> str:
    """A private channel of alice and bob."""
    return together(alice, bob)


def together(host: Person, *guests: Person) -> str:
    """A private channel of these people, made through the page as the host does it."""
    channel = host.make_channel()
    slug = next(
        item["slug"]
        for item in host.api("GET", "/api/channels").json()["channels"]
        if item["id"] == channel
    )
    for guest in guests:
        answer = host.http.post(
            f"{host.url}/channels/{slug}/people",
            data={"csrf_token": host.csrf, "nickname": guest.nickname},
            allow_redirects=False,
        )
        assert answer.status_code == 303, answer.text
    return channel
