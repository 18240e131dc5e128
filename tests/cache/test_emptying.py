"""A fill under way when the caches are emptied leaves nothing behind, whenever it arrives."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chat.cache import flush
from chat.cache.fence import reads
from chat.redis import recovery
from chat.redis.client import redis
from chat.redis_schema import keys

PERSON = "a" * 24
KEY = keys.profile(PERSON)
OLD = "what was true before the outage"


class Late:
    """A reader that missed the value and read MongoDB, and whose fill comes late."""

    def __init__(self) -> None:
        found = reads.read(KEY, "GET")
        assert found.token
        self.token = found.token

    def fill(self) -> bool:
        return reads.fill(KEY, self.token, 60, "SET", [OLD]) is not None


@pytest.fixture
def late(world: Any) -> Iterator[Late]:
    redis.call(lambda client: client.delete(KEY))
    yield Late()
    redis.call(lambda client: client.delete(KEY))


def held() -> Any:
    return reads.read(KEY, "GET").value


def before_walk(monkeypatch: pytest.MonkeyPatch, number: int, do: Callable[[], Any]) -> list[str]:
    """Do something before so many of the walks over keys; the patterns of all of them."""
    take_out, walks = recovery.take_out, []

    def walk(client: Any, pattern: str, of: Any) -> int:
        walks.append(pattern)
        if len(walks) == number:
            do()
        return take_out(client, pattern, of)

    monkeypatch.setattr(recovery, "take_out", walk)
    return walks


EMPTYINGS = {
    "a recovery": lambda: redis.call(recovery.flush),
    "the end of a feature": lambda: flush.empty("users"),
}


@pytest.mark.parametrize("emptying", EMPTYINGS)
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_what_is_filled_while_the_caches_are_emptied_is_gone(
    late: Late, monkeypatch: pytest.MonkeyPatch, emptying: str, number: int
) -> None:
    walks = before_walk(monkeypatch, number, late.fill)
    EMPTYINGS[emptying]()
    assert len(walks) > 1
    assert held() is None
    assert late.fill() is False
    assert held() is None


def test_a_fill_that_nothing_was_emptied_under_arrives(late: Late) -> None:
    assert late.fill()
    assert held() == OLD
