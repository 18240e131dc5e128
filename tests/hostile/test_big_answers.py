"""An answer is bounded by its bytes, not only by the number of things in it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import psutil
import pytest

from chat.errors import Throttled
from chat.models.message import MOST_CHARACTERS, size_of
from chat.realtime.incoming import catch_up
from chat.request.concurrency import Turns
from tests.realtime.test_slow_readers import SlowTab
from tests.support.people import Person
from tests.support.processes import AppProcess
from tests.support.waiting import eventually

LONGEST = "&" * 8000  # five characters of HTML for one of text
MANY = 40


@pytest.fixture(scope="module")
def reader(server: AppProcess, owner: Person, invite: str) -> Iterator[Person]:
    person = Person(server.url).register(invite)
    yield person
    person.close()


@pytest.fixture(scope="module")
def channel(reader: Person) -> dict[str, Any]:
    """Two megabytes of messages, and a short one at the end."""
    channel = reader.new_channel()
    for _ in range(MANY):
        reader.say(channel, LONGEST)
    reader.say(channel, "short")
    return channel


def fits(messages: list[dict[str, Any]]) -> bool:
    return 0 < sum(map(size_of, messages)) <= MOST_CHARACTERS + size_of(messages[0])


def all_seqs(ask: Callable[[int], tuple[list[dict], bool]], start: int, at: int) -> list[int]:
    """What comes when one goes on asking from the first (0) or the last (-1) of each answer."""
    seqs: list[int] = []
    more = True
    while more:
        messages, more = ask(start)
        assert fits(messages)
        start = messages[at]["seq"]
        seqs += [message["seq"] for message in messages]
    return sorted(seqs)


@pytest.mark.parametrize(("name", "start", "at"), [("before", 10_000, 0), ("after", 0, -1)])
def test_history_comes_in_answers_of_bounded_size(
    reader: Person, channel: dict, name: str, start: int, at: int
) -> None:
    def ask(seq: int) -> tuple[list[dict], bool]:
        path = f"/api/channels/{channel['id']}/messages?limit=100&{name}={seq}"
        page = reader.get(path).json()
        return page["messages"], page["more"]

    assert all_seqs(ask, start, at) == list(range(1, MANY + 2))


def test_the_newest_page_is_bounded_and_says_that_there_is_more(
    reader: Person, channel: dict
) -> None:
    for limit in (50, 100):
        page = reader.get(f"/api/channels/{channel['id']}/messages?limit={limit}").json()
        assert fits(page["messages"])
        assert page["more"]
        assert page["messages"][-1]["text"] == "short"
    shown = reader.get(f"/channels/{channel['slug']}")
    assert len(shown.content) < 3 * MOST_CHARACTERS
    assert 'id="load-older"' in shown.text


def test_messages_round_one_are_bounded_on_both_sides(reader: Person, channel: dict) -> None:
    found = reader.get(f"/api/channels/{channel['id']}/messages/around?seq=20&limit=100").json()
    seqs = [message["seq"] for message in found["messages"]]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))
    assert 20 in seqs
    assert found["more_before"]
    assert found["more_after"]
    assert len(seqs) <= 2 * (MOST_CHARACTERS // len(LONGEST) + 1)


def test_what_was_missed_comes_in_answers_of_bounded_size(reader: Person, channel: dict) -> None:
    tab = reader.tab()
    rev, more, seqs = 0, True, []
    while more:
        answer = tab.ask("channel:open", channel=channel["id"], after=0, rev=rev)
        messages = [row["message"] for row in answer["messages"]]
        assert fits(messages)
        seqs += [message["seq"] for message in messages]
        more, rev = answer["more"], answer["rev"]
    assert seqs == list(range(1, MANY + 2))
    tab.close()


def test_who_does_not_read_is_not_given_more(server: AppProcess, reader: Person) -> None:
    """Their sockets hold as much as they may, and the process not much more than before."""
    channel = reader.new_channel()
    for _ in range(MANY):
        reader.say(channel, LONGEST)
    tab = reader.tab()
    worker = psutil.Process(server.workers()[0])
    before = worker.memory_info().rss
    asked = "42" + json.dumps(["channel:open", {"channel": channel["id"], "after": 0}])
    idle: list[Any] = []

    def is_busy() -> bool:
        if len(idle) < 15:
            idle.append(SlowTab(reader))
        for each in idle:
            each.ask(asked)
        answer = tab.ask("channel:open", channel=channel["id"], after=0)
        assert answer["ok"] or answer["error"] == "throttled"
        return not answer["ok"]

    eventually(is_busy, every=0.2)
    assert worker.memory_info().rss - before < 150_000_000
    for each in idle:
        each.sock.close()
    eventually(lambda: tab.ask("channel:open", channel=channel["id"], after=0)["ok"], every=0.5)
    tab.close()


def test_one_big_answer_is_made_at_a_time_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "turns", Turns(2))
    monkeypatch.setattr(catch_up, "unread_bytes", lambda _user: 0)
    order: list[str] = []

    def make(user: str, name: str) -> None:
        with catch_up.turns.taken(), catch_up.alone(user):
            order.append(f"{name} begins")
            gevent.sleep(0.01)
            order.append(f"{name} ends")

    gevent.joinall([gevent.spawn(make, "ann", "one"), gevent.spawn(make, "ann", "two")])
    assert order == ["one begins", "one ends", "two begins", "two ends"]
    order.clear()
    gevent.joinall([gevent.spawn(make, "ann", "one"), gevent.spawn(make, "bob", "two")])
    assert order[:2] == ["one begins", "two begins"]


def test_who_waits_too_long_for_an_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "PATIENCE", 0.01)
    monkeypatch.setattr(catch_up, "unread_bytes", lambda _user: 0)
    with (
        catch_up.alone("ann"),
        pytest.raises(Throttled),
        catch_up.alone("ann"),
    ):
        pytest.fail("it is not this one's turn")
    with catch_up.alone("ann"):
        pass
