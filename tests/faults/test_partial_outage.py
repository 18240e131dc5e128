"""One process is cut off from Redis, another is not: no process answers with old values."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from chat.cache import isolation
from tests.support.people import Person
from tests.support.processes import AppProcess
from tests.support.proxy import Line
from tests.support.servers import start_valkey
from tests.support.waiting import eventually

# Far longer than the test: whatever is put right is not put right by expiry.
LIFETIMES = {f"TTL_{name}": "600" for name in ("USERS", "CHANNELS", "CHANNEL_USERS", "MESSAGES")}
# Far shorter than those, and far longer than the second it takes.
SOON = 30


class Two:
    """``cut_off`` reaches Redis through a line that can be cut; ``other`` directly."""

    def __init__(self, launch_app, folder) -> None:
        self.redis = start_valkey(folder / "redis-partial")
        self.line = Line(urlsplit(self.redis.url).port)
        through = f"redis://127.0.0.1:{self.line.port}/0"
        self.cut_off: AppProcess = launch_app(REDIS_URL=through, **LIFETIMES)
        self.other: AppProcess = launch_app(
            beside=self.cut_off, REDIS_URL=self.redis.url, **LIFETIMES
        )
        self.owner = Person(self.cut_off.url).set_up()
        self.there = self.owner.at(self.other.url)
        self.channel = self.owner.get("/api/channels").json()["channels"][0]
        self.history = f"/api/channels/{self.channel['id']}/messages"

    def texts_there(self) -> list[str]:
        """What the process that is not cut off shows."""
        return [m["text"] for m in self.there.get(self.history).json()["messages"]]

    def words_there(self, words: str) -> int:
        """How often its log says so."""
        return self.other.log.read_text(encoding="utf-8").count(words)

    def edit(self, message: dict, text: str) -> None:
        assert self.owner.patch(f"/api/messages/{message['id']}", {"text": text}).ok

    def is_warm_there(self) -> bool:
        return self.there.get(self.history).headers["X-Cache"] == "hit"

    def close(self) -> None:
        self.owner.close()
        self.there.close()
        self.line.close()
        self.redis.kill()


@pytest.fixture
def two(launch_app, tmp_path) -> Iterator[Two]:
    made = Two(launch_app, tmp_path)
    yield made
    made.close()


def test_what_a_cut_off_process_stores_is_seen_by_the_others_and_caches_are_used_again_afterwards(
    two: Two,
) -> None:
    first = two.owner.say(two.channel, "first")
    eventually(two.is_warm_there)

    two.line.cut()
    eventually(lambda: two.owner.get("/health/redis").status_code == 503)
    two.owner.say(two.channel, "said while cut off")
    eventually(lambda: two.texts_there()[-1] == "said while cut off", SOON)

    # Once the others know, nothing older than an acknowledged write is answered at all.
    eventually(lambda: not two.is_warm_there(), SOON)
    for number in range(5):
        two.edit(first, f"edited {number}")
        assert two.texts_there()[-2] == f"edited {number}"

    two.line.open()
    eventually(lambda: two.owner.get("/health/redis").status_code == 200)
    eventually(two.is_warm_there)
    assert two.texts_there()[-2:] == ["edited 4", "said while cut off"]
    two.edit(first, "edited with everybody back")
    assert two.texts_there()[-2] == "edited with everybody back"
    eventually(lambda: two.words_there(isolation.THERE_ARE_NONE) == 1)
    assert two.words_there(isolation.THERE_ARE) == 1


def test_a_process_that_dies_while_it_is_cut_off_is_forgotten(two: Two) -> None:
    leaving = two.owner.again()
    left_there = leaving.at(two.other.url)
    assert left_there.get("/api/me").ok
    two.owner.say(two.channel, "first")
    eventually(two.is_warm_there)
    two.line.cut()
    eventually(lambda: two.owner.get("/health/redis").status_code == 503)
    two.owner.say(two.channel, "last words")
    leaving.logout()
    eventually(lambda: not two.is_warm_there(), SOON)

    two.cut_off.kill()

    eventually(two.is_warm_there)
    assert two.texts_there()[-1] == "last words"
    assert left_there.get("/api/me").status_code == 401
    left_there.close()
    leaving.close()


def test_a_session_that_a_cut_off_process_ends_is_dead_at_the_others_once_they_know(
    two: Two,
) -> None:
    leaving = two.owner.again()
    left_there = leaving.at(two.other.url)
    assert left_there.get("/api/me").ok
    two.owner.say(two.channel, "first")
    eventually(two.is_warm_there)
    two.line.cut()
    eventually(lambda: two.owner.get("/health/redis").status_code == 503)
    eventually(lambda: not two.is_warm_there(), SOON)
    assert left_there.get("/api/me").ok

    leaving.logout()

    assert left_there.get("/api/me").status_code == 401
    assert two.there.get("/api/me").ok
    two.line.open()
    eventually(two.is_warm_there)
    assert left_there.get("/api/me").status_code == 401
    left_there.close()
    leaving.close()
