"""Many sockets that connect at once are accepted a few at a time."""

import json
from contextlib import closing

import psutil
import pytest

from benchmarks import team
from chat.embedded.mongo import Mongo
from chat.request.concurrency import MOST, MOST_BEHIND, SPARE
from tests.support.processes import AppProcess, Launcher, new_database
from tests.support.proxy import Line
from tests.support.tabs import bare_line

PEOPLE, SOCKETS = 15, 150
SLOW = 0.01  # seconds that an answer of MongoDB takes: everything that asks at once is seen
WATCHES = 3  # connections over which the driver looks whether MongoDB is there


def knock(app: AppProcess, there: team.Team) -> None:
    """All are at the door before the first of them says who it is."""
    members = there.members * (SOCKETS // PEOPLE)
    lines = [bare_line(app.url, member.cookie) for member in members]
    for line, member in zip(lines, members, strict=True):
        line.send(f"40{json.dumps({'csrf': member.csrf})}")
    try:
        for line in lines:
            while not (told := str(line.recv())).startswith("40"):
                assert not told.startswith("44"), told
    finally:
        for line in lines:
            line.close()


def connections(app: AppProcess, port: int) -> int:
    """How many the worker has to a server; it keeps those that it has once needed."""
    [worker] = app.workers()
    held = psutil.Process(worker).net_connections("tcp")
    return sum(bool(one.raddr) and one.raddr.port == port for one in held)


def test_without_redis_many_sockets_take_no_more_of_mongodb_than_there_are_turns(
    launch_app: Launcher, mongod: Mongo
):
    uri = new_database(mongod.uri)
    there = team.store(uri, PEOPLE, PEOPLE)
    with closing(Line(mongod.port)) as line:
        through = uri.replace(f":{mongod.port}/", f":{line.port}/")
        app = launch_app(MONGODB_URI=through, DISABLE_REDIS="1")
        line.delay = SLOW
        knock(app, there)
        assert connections(app, line.port) <= MOST_BEHIND + SPARE + WATCHES


@pytest.mark.needs_redis
def test_many_sockets_take_no_more_of_redis_than_there_are_turns(
    launch_app: Launcher, mongod: Mongo
):
    uri = new_database(mongod.uri)
    there = team.store(uri, PEOPLE, PEOPLE)
    app = launch_app(MONGODB_URI=uri)
    before = connections(app, launch_app.redis[0].port)
    knock(app, there)
    assert connections(app, launch_app.redis[0].port) <= before + MOST
    assert connections(app, mongod.port) <= MOST + SPARE + WATCHES
