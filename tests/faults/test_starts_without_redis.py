"""A process that starts while Redis is down, or with DISABLE_REDIS, serves everybody."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
import requests

from chat.embedded.mongo import Mongo
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher, new_database
from tests.support.servers import Redis


def use(app: AppProcess) -> None:
    """A page, a post by HTTP and one by socket."""
    owner = Person(app.url, "olga").set_up()
    room = owner.new_channel()
    owner.say(room, "by HTTP")
    tab = owner.tab()
    assert tab.post(room["id"], "by socket")["ok"]
    page = owner.get(f"/channels/{room['slug']}")
    assert page.status_code == 200
    assert "by HTTP" in page.text
    assert "by socket" in page.text
    owner.close()


@contextlib.contextmanager
def dead(server: Redis) -> Iterator[None]:
    server.kill()
    yield


@pytest.mark.parametrize("trouble", [Redis.hung, dead], ids=["hung", "dead"])
def test_a_process_starts_and_serves_while_redis_is_away_and_says_so(
    trouble, own_redis: Redis, mongod: Mongo, tmp_path
) -> None:
    places = {"REDIS_URL": own_redis.url, "MONGODB_URI": new_database(mongod.uri)}
    app = AppProcess(tmp_path, **places)
    try:
        with trouble(own_redis):
            app.prepare().start()
            use(app)
            ready = requests.get(f"{app.url}/health/ready", timeout=60)
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            assert requests.get(f"{app.url}/health", timeout=60).status_code == 200
            assert requests.get(f"{app.url}/health/redis", timeout=60).status_code == 503
    finally:
        app.kill()


def test_a_process_that_is_told_to_do_without_redis_never_tries_to_connect(
    launch_app: Launcher,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        use(launch_app(REDIS_URL=address, DISABLE_REDIS="true"))
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody waits to be let in
            listener.accept()
