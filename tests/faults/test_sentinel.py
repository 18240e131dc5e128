"""Redis with Sentinels: the master dies or hangs under load, and the chat recovers by itself."""

from collections.abc import Iterator

import pytest

from tests.faults.team import Team, seated
from tests.support.topologies import Node, Watched
from tests.support.waiting import eventually

QUEUE = "chat:socketio"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    made = Watched(tmp_path_factory.mktemp("redis"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def team(watched, mongod, tmp_path_factory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("app")
    with seated(folder, mongod.uri, REDIS_SENTINEL=watched.setting) as made:
        yield made


def listeners(node: Node) -> int:
    """How many processes take part in the Socket.IO queue there."""
    return int(dict(node.client().pubsub_numsub(QUEUE))[QUEUE])


@pytest.mark.long
def test_a_master_that_is_killed_is_replaced_under_load(team, watched):
    team.use_everything()
    assert listeners(watched.master) == 2
    team.all_heard(team.whisper())
    with team.busy():
        watched.master.kill()
        team.use_everything()
        meanwhile = team.whisper()
        eventually(watched.has_failed_over)
        team.use_everything()
    print(f"normal {team.back_to_normal():.1f} s after the failover")
    team.all_heard(meanwhile)
    team.use_everything()
    team.nothing_lost()
    team.nothing_was_wrong()
    assert watched.replica.client().keys("session:*")
    assert listeners(watched.replica) == 2
    watched.bring_back()


def test_a_master_that_hangs_is_replaced_and_never_believed_again(team, watched):
    team.use_everything()
    team.all_heard(team.whisper())  # both processes and the replica hold this now
    with team.busy():
        watched.master.hang()
        team.use_everything()
        meanwhile = team.whisper()
        eventually(watched.has_failed_over)
        team.use_everything()
    print(f"normal {team.back_to_normal():.1f} s after the failover")
    team.all_heard(meanwhile)
    with team.busy():
        # For a while it still takes itself for the master, with what it held when it hung.
        watched.master.go_on()
        for _ in range(3):
            team.use_everything()
    assert listeners(watched.master) == 0
    assert listeners(watched.replica) == 2
    team.back_to_normal()
    team.nothing_lost()
    team.nothing_was_wrong()
