"""Several processes of one installation, its people, and requests to all processes."""

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from tests.cache.processes.truth import Answer, Ask, Human, Room, Truth, parse
from tests.support.people import Person
from tests.support.processes import GUNICORN, AppProcess, new_database
from tests.support.servers import Redis, start_valkey

PROCESSES = 2
READERS = ("boris", "clara", "dmitri")
WORKERS = 12


class Attacked(AppProcess):
    """One gunicorn with what is left of the fence (tests/cache/processes/wsgi.py)."""

    command = (*GUNICORN, "tests.cache.processes.wsgi:app")


class Everywhere:
    """One person's browser, with a line of its own to each process."""

    def __init__(self, person: Person, urls: list[str]) -> None:
        self.id, self.nickname, self.session = person.id, person.nickname, person.session
        self.at = [self._copy(person, url) for url in urls]

    @staticmethod
    def _copy(person: Person, url: str) -> Person:
        copy = Person(url, person.nickname)
        copy.session.cookies.update(person.session.cookies)
        copy.csrf, copy.id = person.csrf, person.id
        return copy

    def close(self) -> None:
        for person in self.at:
            person.close()


class Installation:
    """What the attackers hold: processes, their Redis, people, and what must be true."""

    def __init__(self, processes: list[AppProcess], redis: Redis) -> None:
        self.processes, self.redis = processes, redis.client()
        self.urls = [process.url for process in processes]
        self.threads = ThreadPoolExecutor(WORKERS)
        self.truth = Truth()
        self.browsers: dict[str, Everywhere] = {}
        self.readers: list[str] = []
        self.owner = self._first()
        self.invite = self.owner.at[0].invite()
        for nickname in READERS:
            person = Person(self.urls[0], nickname).register(self.invite)
            self.enter(person)
            self.readers.append(person.id)

    def _first(self) -> Everywhere:
        owner = self._know(Person(self.urls[0], "olga").set_up(), "owner")
        self.readers.append(owner.id)
        general = owner.at[0].get("/api/channels").json()["channels"][0]
        room = Room(general["id"], general["slug"], general["name"], "public", owner.id)
        room.marks[owner.id] = 0
        self.truth.rooms[room.id] = self.general = room
        return owner

    def enter(self, person: Person) -> Everywhere:
        """Somebody has registered, and may ask from now on."""
        self.general.marks[person.id] = self.general.last_seq
        return self._know(person, "member")

    def _know(self, person: Person, role: str) -> Everywhere:
        self.truth.people[person.id] = Human(person.id, person.nickname, role)
        self.browsers[person.id] = Everywhere(person, self.urls)
        return self.browsers[person.id]

    def ask(self, process: int, reader: str, ask: Ask, late_ms: int = 0) -> Answer:
        """What one process answers one reader; what it fills meanwhile may come late."""
        person = self.browsers[reader].at[process]
        said = person.get(ask.path, headers={"X-Late": str(late_ms)})
        if said.status_code in (requests.codes.not_found, requests.codes.unauthorized):
            return None
        assert said.status_code == requests.codes.ok, f"{said.status_code} {said.text[:500]}"
        return parse(ask, said.json())

    def forget(self, *patterns: str) -> None:
        """Evict these keys, all at once."""
        names = [name for pattern in patterns for name in self.redis.scan_iter(pattern, count=1000)]
        if names:
            self.redis.unlink(*names)

    def close(self) -> None:
        self.threads.shutdown(cancel_futures=True)
        for browser in self.browsers.values():
            browser.close()


@contextlib.contextmanager
def installation(folder: Path, mongodb_uri: str, fence: str) -> Iterator[Installation]:
    """Several fresh processes with this fence, on one MongoDB and a Redis of their own."""
    redis = start_valkey(folder / "redis")
    places = {"MONGODB_URI": new_database(mongodb_uri), "REDIS_URL": redis.url}
    env = {"ATTACKED_FENCE": fence, "WEB_CONCURRENCY": "1", **places}
    processes = [Attacked(folder, **env) for _ in range(PROCESSES)]
    try:
        processes[0].prepare()
        for process in processes:
            process.start()
        made = Installation(list(processes), redis)
        yield made
        made.close()
    except BaseException:
        for process in processes:
            print(process.log, process.tail(), sep="\n")  # pytest shows it
        raise
    finally:
        for process in processes:
            process.kill()
        redis.kill()


class Stale(AssertionError):
    """A process has answered with something else than what was acknowledged."""


def differences(answer: Answer, *allowed: Answer) -> list[str]:
    """Where an answer is none of those allowed, part by part."""
    if answer is None or None in allowed:
        return [] if answer in allowed else [f"{_short(answer)} instead of {_short(allowed[-1])}"]
    told = [each or {} for each in allowed]
    found = []
    for part in answer.keys() | set().union(*told):
        given, expected = answer.get(part), [each.get(part) for each in told]
        if given not in expected and not _mixed(given, expected):
            found.append(f"{part}: {_difference(given, expected[-1])}")
    return found


def _mixed(given: Any, expected: list[Any]) -> bool:
    """Whether each field is one of those allowed: a write may pass while it is gathered."""
    if given is None or None in expected or len(expected) == 1:
        return False
    return all(value in [each[name] for each in expected] for name, value in given.items())


def _difference(given: Any, expected: Any) -> str:
    if given is None or expected is None:
        return f"{_short(given)} instead of {_short(expected)}"
    fields = [name for name in expected if given.get(name) != expected[name]]
    return ", ".join(f"{name} {given.get(name)!r} instead of {expected[name]!r}" for name in fields)


def _short(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)[:300]
