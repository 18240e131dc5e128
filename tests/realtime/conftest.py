"""Two processes of one installation, on one MongoDB and one Redis."""

from collections.abc import Iterator

import pytest

from tests.conftest import NewPerson
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher


@pytest.fixture(scope="session")
def beside(
    server: AppProcess, owner: Person, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppProcess]:
    """A second process of the shared app."""
    launcher = Launcher(tmp_path_factory.mktemp("beside"), server.env["MONGODB_URI"])
    yield launcher(beside=server, LIMIT_SOCKET_EVENTS=None, PRESENCE_LEASE="6")
    launcher.close()


@pytest.fixture
def alice(new_person: NewPerson) -> Person:
    return new_person()


@pytest.fixture
def bob(new_person: NewPerson, beside: AppProcess) -> Person:
    """Somebody at the other process."""
    return new_person(at=beside)


@pytest.fixture
def room(alice: Person, bob: Person) -> str:
    """A private channel of alice and bob."""
    return together(alice, bob)["id"]


def together(host: Person, *guests: Person) -> dict:
    """A private channel of these people, made through the page as the host does it."""
    channel = host.new_channel("private")
    for guest in guests:
        answer = host.post_form(f"/channels/{channel['slug']}/people", nickname=guest.nickname)
        assert answer.status_code == 303, answer.text
    return channel
