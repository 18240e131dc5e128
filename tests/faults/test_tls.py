"""A managed Redis with TLS and a self-signed certificate."""

from collections.abc import Iterator

import pytest
import requests

from chat.redis.connect import Connector
from tests.faults.team import seated
from tests.support.processes import AppProcess, Launcher
from tests.support.servers import Redis
from tests.support.topologies import TlsFront
from tests.support.waiting import eventually

PASSWORD = "of-the-provider"
UNVERIFIED = "certificate of Redis is not verified"


@pytest.fixture
def front(own_redis: Redis, tmp_path) -> Iterator[TlsFront]:
    own_redis.client().config_set("requirepass", PASSWORD)
    made = TlsFront(tmp_path, own_redis.port)
    yield made
    made.close()


def address(front: TlsFront, query: str = "") -> str:
    return f"rediss://:{PASSWORD}@127.0.0.1:{front.port}{query}"


def redis_says(app: AppProcess) -> dict[str, str]:
    return dict(requests.get(f"{app.url}/health/redis", timeout=10).json())


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_the_settings_say_so(
    launch_app: Launcher, front
):
    app = launch_app(REDIS_URL=address(front))
    eventually(lambda: redis_says(app)["status"] == "down")
    assert "CERTIFICATE_VERIFY_FAILED" in redis_says(app)["error"]
    assert UNVERIFIED not in app.tail()
    assert requests.get(f"{app.url}/setup", timeout=10).ok  # it goes on without Redis


@pytest.mark.long
def test_two_processes_work_when_the_setting_allows_it_and_their_logs_say_so(
    mongod, tmp_path, front
):
    env = {"REDIS_URL": address(front), "REDIS_TLS_VERIFY": "false"}
    with seated(tmp_path, mongod.uri, **env) as team:
        team.use_everything()
        team.back_to_normal()
        team.nothing_lost()
        for app in team.apps:
            assert UNVERIFIED in app.log.read_text()
            assert PASSWORD not in app.log.read_text()
    assert front.accepted


def test_the_address_itself_may_say_how_far_to_trust(front):
    by_name = f"?ssl_ca_certs={front.certificate}"
    for query, verifies in (("?ssl_cert_reqs=none", False), (by_name, True)):
        connector = Connector({"REDIS_URL": address(front, query)})
        assert connector.client().ping()
        assert connector.verifies is verifies
