"""MongoDB fails between two writes of a request: the answer does not say "nothing changed"."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from flask import Flask
from mongoengine import signals
from pymongo.errors import PyMongoError
from werkzeug.serving import make_server

from app import create_app
from chat import models
from chat.embedded.process import LOOPBACK
from chat.models import Heartbeat, User
from tests.support.long import long_but
from tests.support.people import Person
from tests.support.processes import SECRET_KEY
from tests.support.topologies import ReplicaSet
from tests.support.waiting import eventually

UNCERTAIN = "not known whether this was saved"
Change = Callable[[Person, Person], Any]
CHANGES: dict[str, Change] = {
    "a password": lambda owner, _: owner.post_form(
        "/settings/password", old_password=owner.password, new_password="another long password"
    ),
    "a role": lambda owner, other: owner.post_form(f"/admin/people/{other.id}/role", role="member"),
    "a lock-out": lambda owner, other: owner.post_form(f"/admin/people/{other.id}/deactivate"),
}


@pytest.fixture(scope="module")
def mongods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    made = ReplicaSet(tmp_path_factory.mktemp("mongods"), patient=True)
    yield made
    made.close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The app in this process, so that a test can act between two of its writes."""
    server = make_server(LOOPBACK, 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.port}"
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture
def url(mongods: ReplicaSet, request: pytest.FixtureRequest) -> Iterator[str]:
    database = f"/half_{abs(hash(request.node.name))}?"
    places = {"MONGODB_URI": mongods.uri.replace("/chat?", database), "DISABLE_REDIS": True}
    app = create_app({"TESTING": True, "SECRET_KEY": SECRET_KEY, **places})
    eventually(is_writable)
    models.ensure_indexes()
    app.extensions["chat_status"].mongo.record(None, 0.4)
    with served(app) as address:
        yield address


def is_writable() -> bool:
    try:
        Heartbeat.write()
    except PyMongoError:
        return False
    return True


def lose(mongods: ReplicaSet, until: ExitStack) -> None:
    """From now on writes are refused before they are sent."""
    until.enter_context(mongods.parted())
    assert not is_writable()


@pytest.mark.parametrize("kind", long_but(CHANGES, "a password"))
def test_who_changed_half_of_it_is_told_that_it_is_uncertain(mongods, url, kind):
    owner = Person(url).set_up()
    other = Person(url).register(owner.invite())
    with ExitStack() as stack:
        changed: list[str] = []

        def lose_the_others(_: type, document: User, **rest: Any) -> None:
            if not changed:
                changed.append(str(document.id))
                lose(mongods, stack)

        with signals.post_save.connected_to(lose_the_others, sender=User):
            answer = CHANGES[kind](owner, other)
        assert changed
        assert answer.status_code == 503
        assert UNCERTAIN in answer.text


@pytest.mark.parametrize("kind", long_but(CHANGES, "a role"))
def test_who_changed_nothing_is_not_told_that_it_is_uncertain(mongods, url, kind):
    change = CHANGES[kind]
    owner = Person(url).set_up()
    other = Person(url).register(owner.invite())
    with ExitStack() as stack:
        lose(mongods, stack)
        # One write a second is let through to try, and that one is uncertain.
        [answer] = eventually(
            lambda: None if UNCERTAIN in (refused := change(owner, other)).text else [refused]
        )
        assert answer.status_code == 503
