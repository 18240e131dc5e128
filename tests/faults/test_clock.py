"""The clock jumps by an hour forward or back while everything runs, without any effect."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import requests

from chat.embedded.mongo import Mongo
from tests.faults.team import PRESENCE_LEASE, Team
from tests.support.clocks import Clock, needs_faketime
from tests.support.people import Person
from tests.support.processes import Launcher
from tests.support.servers import Redis, start_valkey
from tests.support.waiting import eventually

pytestmark = needs_faketime
SOON = 40  # seconds: far less than an hour, and more than a lease and a look at all
STEPS = (1, 0, -1, 0)
FORTH_AND_BACK = (pytest.param(1, marks=pytest.mark.long), -1)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def launcher(tmp_path: Path, mongod: Mongo) -> Iterator[Launcher]:
    made = Launcher(tmp_path, mongod.uri)
    yield made
    made.close()
    for app in made.launched:
        print(app.tail())  # for the report of a failure


@pytest.fixture
def redis_with(clock: Clock, tmp_path: Path) -> Iterator[Redis]:
    """A Redis that goes by the clock."""
    with mock.patch.dict(os.environ, clock.env):
        server = start_valkey(tmp_path / "with-clock")
    yield server
    server.kill()


def seated(launcher: Launcher, first: dict[str, str], **env: str) -> Iterator[Team]:
    """A team whose first process has these settings of its own."""
    one = launcher(PRESENCE_LEASE=PRESENCE_LEASE, **env, **first)
    two = launcher(beside=one, PRESENCE_LEASE=PRESENCE_LEASE, **env)
    team = Team([one, two])
    yield team
    team.close()


@pytest.fixture
def beside_a_wrong_clock(clock: Clock, launcher: Launcher) -> Iterator[Team]:
    """Alice's process goes by the clock, Bob's by the machine's."""
    yield from seated(launcher, clock.env)


@pytest.fixture
def over_redis(clock: Clock, launcher: Launcher, redis_with: Redis) -> Iterator[Team]:
    """Redis goes by the clock."""
    yield from seated(launcher, {}, REDIS_URL=redis_with.url)


def hours_off(team: Team) -> float:
    """What the clock of the first process says, by the message that it stores."""
    sent = team.alice.say(team.room, "what time is it?")
    team.acknowledged.append(sent["client_id"])
    said = datetime.fromisoformat(sent["created_at"])
    return round((said - datetime.now(UTC)).total_seconds() / 3600, 1)


def all_is_well(team: Team) -> None:
    """Everything works at both processes, visitors are let in, and everybody is seen."""
    team.use_everything()
    dave = Person(team.alice.url).register(team.alice.invite())  # his form lived in a new session
    dave.logout()
    assert dave.login().get("/api/me").ok
    dave.close()
    team.back_to_normal()
    assert not team.bad


@pytest.mark.parametrize("hours", FORTH_AND_BACK)
def test_a_process_whose_clock_is_wrong_logs_nobody_out_and_shows_nothing_old(
    beside_a_wrong_clock: Team, clock: Clock, hours: int
) -> None:
    team = beside_a_wrong_clock
    all_is_well(team)
    for step in (hours, 0):
        clock.step(step)
        eventually(lambda s=step: hours_off(team) == s)
        all_is_well(team)
    team.nothing_lost()
    team.nothing_was_wrong()


def test_sessions_outlive_a_wrong_clock_where_only_mongodb_keeps_them(
    launcher: Launcher, clock: Clock
) -> None:
    app = launcher(DISABLE_REDIS="true", TTL_SESSIONS="1800", **clock.env)
    owner = Person(app.url).set_up()
    for step in STEPS:
        clock.step(step)
        assert owner.get("/api/me").status_code == 200
        visitor = Person(app.url).register(owner.invite())
        assert visitor.get("/api/me").status_code == 200
        assert owner.get("/api/me").status_code == 200


@pytest.mark.parametrize("hours", FORTH_AND_BACK)
def test_redis_with_a_wrong_clock_keeps_nobody_online_and_trusts_nothing_old(
    over_redis: Team, clock: Clock, redis_with: Redis, hours: int
) -> None:
    team, before = over_redis, redis_with.client().time()[0]
    all_is_well(team)
    carol = team.carol.tab(team.apps[1].url)
    team.here.sees_online(team.carol.id)
    clock.step(hours)
    assert round((redis_with.client().time()[0] - before) / 3600) == hours
    all_is_well(team)
    carol.close()
    team.apps[1].kill()  # nobody ends the leases of those who were there
    eventually(lambda: online_at(team) == {team.alice.id}, SOON)
    clock.step(0)
    team.apps[1].start()
    team.there.close()
    team.there = team.bob.tab()
    all_is_well(team)


def online_at(team: Team) -> set[str]:
    return set(team.alice.get("/api/users/online").json()["users"])


def test_nobody_is_locked_out_for_an_hour_because_the_clock_was_put_back(
    launcher: Launcher, clock: Clock
) -> None:
    app = launcher(DISABLE_REDIS="true", LIMIT_LOGIN="3/second", **clock.env)
    owner = Person(app.url).set_up()
    for step in STEPS:
        eventually(lambda: try_often(owner) == 429)
        clock.step(step)
        eventually(lambda: try_once(owner).status_code != 429, SOON)


def try_once(person: Person) -> requests.Response:
    stranger: Any = Person(person.url, person.nickname, "not the password")
    answer = stranger.post_form("/login", nickname=stranger.nickname, password=stranger.password)
    stranger.close()
    return answer  # type: ignore[no-any-return]


def try_often(person: Person) -> int:
    return max(try_once(person).status_code for _ in range(5))
