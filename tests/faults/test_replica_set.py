"""MongoDB as a replica set: the primary steps down or dies while 100 people post."""

from collections import Counter
from collections.abc import Callable, Iterator
from threading import Barrier, Event, Thread
from uuid import uuid4

import pytest
import requests

from tests.faults.team import Team, seated
from tests.faults.test_app_killed import all_messages
from tests.support.people import Person
from tests.support.topologies import ReplicaSet
from tests.support.waiting import SECONDS, eventually

WRITERS = 100
AGAIN, STORED, STORED_BEFORE = 503, 201, 200


@pytest.fixture(scope="module")
def mongods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    made = ReplicaSet(tmp_path_factory.mktemp("mongods"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def team(mongods, tmp_path_factory) -> Iterator[Team]:
    with seated(tmp_path_factory.mktemp("app"), mongods.uri) as made:
        yield made


class Crowd:
    """A hundred writers at once, who send each message again, under its own id, until it is
    acknowledged; and then the next, as long as what is tried goes on."""

    def __init__(self, team: Team) -> None:
        self.people = (team.alice, team.bob)
        self.path = f"/api/channels/{team.channel}/messages"
        self.sent = 0
        self.answers: Counter[int] = Counter()
        self.stored: dict[str, set[str]] = {}  # what each was said to be stored as
        self._begin, self._over = Barrier(WRITERS), Event()
        self._threads = [Thread(target=self._write, args=(n,)) for n in range(WRITERS)]

    def post_while(self, happens: Callable[[], object]) -> None:
        for thread in self._threads:
            thread.start()
        try:
            eventually(lambda: self.stored)
            happens()
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def _write(self, number: int) -> None:
        self._begin.wait()
        while not self._over.is_set():
            body = {"text": f"writer {number}", "client_id": uuid4().hex}
            self.sent += 1
            person = self.people[number % 2]
            eventually(lambda p=person, b=body: self._is_acknowledged(p, b), every=0.1)

    def _is_acknowledged(self, person: Person, body: dict[str, str]) -> bool:
        # A line of its own: a server may close a kept one at the moment of its next use.
        headers = {"Cookie": person.cookie, "X-CSRFToken": person.csrf}
        answer = requests.post(person.url + self.path, json=body, headers=headers, timeout=SECONDS)
        self.answers[answer.status_code] += 1
        if answer.status_code not in (STORED, STORED_BEFORE):
            return False
        self.stored.setdefault(body["client_id"], set()).add(answer.json()["id"])
        return True


def check(team: Team, crowd: Crowd) -> None:
    """Everything acknowledged is there once; nobody saw worse than "again, please"."""
    print(dict(crowd.answers))
    assert set(crowd.answers) <= {STORED, STORED_BEFORE, AGAIN}
    assert len(crowd.stored) == crowd.sent >= WRITERS
    everywhere = {m["client_id"]: m["id"] for m in all_messages(team.alice, team.channel)}
    assert {k: {everywhere[k]} for k in crowd.stored} == crowd.stored
    team.use_everything()
    team.back_to_normal()
    team.nothing_lost()


def changes_after(change: Callable[[], object], mongods: ReplicaSet) -> None:
    """Do it, and wait for another primary."""
    was = mongods.primary()
    change()
    eventually(lambda: mongods.primary() not in (None, was))


def test_a_step_down_among_100_writers_loses_nothing_and_stores_nothing_twice(team, mongods):
    crowd = Crowd(team)
    crowd.post_while(lambda: changes_after(mongods.step_down, mongods))
    check(team, crowd)


def test_a_primary_that_is_killed_among_100_writers_takes_nothing_with_it(team, mongods):
    crowd = Crowd(team)
    primary = mongods.primary()
    assert primary is not None
    crowd.post_while(lambda: changes_after(primary.kill, mongods))
    check(team, crowd)
