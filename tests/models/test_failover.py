"""How long a request looks for a MongoDB server that accepts writes."""

from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.errors import ServerSelectionTimeoutError
from pymongo.server_selectors import writable_server_selector

from chat.embedded.process import LOOPBACK, free_port
from chat.models import driver, failover
from chat.models.failover import ELECTION, LOST, Reach


def beat(server: str, writable: bool = False) -> Any:
    """What the driver says of a heartbeat."""
    return SimpleNamespace(connection_id=server, reply=SimpleNamespace(is_writable=writable))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [1000.0]
    monkeypatch.setattr(failover.time, "monotonic", lambda: moment[0])
    return moment


def test_all_callers_share_the_moment_that_an_election_may_take(now: list[float]) -> None:
    found = Reach()
    found.succeeded(beat("a", writable=True))
    found.succeeded(beat("b"))
    assert found.patience() == ELECTION
    found.succeeded(beat("a"))  # it has stepped down
    assert found.patience() == ELECTION
    now[0] += ELECTION / 2
    assert found.patience() == ELECTION / 2
    now[0] += ELECTION
    assert found.patience() == LOST
    found.succeeded(beat("b", writable=True))
    assert found.patience() == ELECTION


def test_without_any_server_no_request_waits(now: list[float]) -> None:
    found = Reach()
    found.succeeded(beat("a", writable=True))
    found.succeeded(beat("b"))
    found.failed(beat("a"))
    assert found.patience() == ELECTION
    found.failed(beat("b"))
    assert found.patience() == LOST


@pytest.mark.parametrize("waited", [0.0, 1.2])
def test_a_write_that_has_waited_looks_no_longer_for_a_server_than_others(waited: float) -> None:
    reach = Reach()
    client = driver.MajorityClient(
        f"mongodb://{LOOPBACK}:{free_port()}", connect=False, event_listeners=[reach]
    )
    reach.watch(client)
    client.reach = reach
    reach.failed(beat("the only one"))
    began = driver._began.set(driver.time.monotonic() - waited)
    try:
        with pytest.raises(ServerSelectionTimeoutError, match=r"Timeout: 0\.0s"):
            client._select_server(writable_server_selector, None, "insert")
    finally:
        driver._began.reset(began)
        client.close()
