"""Answers are bounded by bytes, not only by the number of entries."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import psutil
import pytest
from bson import ObjectId
from flask import Flask

from chat.errors import BadInput, Throttled
from chat.models import Channel
from chat.models.message import MOST_CHARACTERS, size_of
from chat.realtime.incoming import catch_up
from chat.request.concurrency import Turns
from chat.services import channels, places, tokens, users
from chat.services.channels import MOST_FORMER_ADDRESSES
from chat.text import validate
from tests.realtime.test_slow_readers import SlowTab
from tests.support.people import NOBODY, Person
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
    sizes = [size_of({"html": "", **message}) for message in messages]  # events leave out some
    return 0 < sum(sizes) <= MOST_CHARACTERS + sizes[0]


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


MOST_BYTES = 1_100_000
LONGEST_TOPIC = "\U0001f600" * 250  # four bytes a character


def test_many_channels_come_in_answers_of_bounded_size(app: Flask) -> None:
    """Whoever may make channels could make everybody's list as long as they like."""
    with app.test_request_context():
        maker = SimpleNamespace(id=str(ObjectId()), role="owner", is_authenticated=True)
        names = [f"{number:03} {'&' * 70}" for number in range(700)]
        for name in names:
            channel = Channel(slug=name[:3], name=name, topic=LONGEST_TOPIC, created_by=maker.id)
            channel.save()
        pages, after = [], ""
        while not pages or pages[-1]["more"]:
            pages.append(channels.list_page(maker, after))
            after = pages[-1]["channels"][-1]["id"]
        assert len(pages) > 1
        assert [view["name"] for page in pages for view in page["channels"]] == names
        texts = (json.dumps(page["channels"], ensure_ascii=False) for page in pages)
        assert all(len(text.encode()) < MOST_BYTES for text in texts)
        with pytest.raises(BadInput):
            channels.list_page(maker, str(ObjectId()))


def test_the_list_of_channels_goes_on_where_it_was_cut(reader: Person) -> None:
    made = reader.new_channel()
    whole = reader.get("/api/channels").json()
    assert not whole["more"]
    ids = [channel["id"] for channel in whole["channels"]]
    assert made["id"] in ids
    rest = reader.get(f"/api/channels?after={ids[0]}").json()
    assert [channel["id"] for channel in rest["channels"]] == ids[1:]
    assert reader.get(f"/api/channels?after={NOBODY}").status_code == 400
    assert reader.get("/api/channels?after=nonsense").status_code == 400


def test_a_channel_remembers_a_few_of_its_addresses(reader: Person) -> None:
    """They are in each list of channels that a process reads."""
    made = reader.new_channel()
    for number in range(MOST_FORMER_ADDRESSES + 3):
        assert reader.patch(f"/api/channels/{made['id']}", {"name": f"big {number}"}).ok
    for slug, status in ((made["slug"], 404), ("big-1", 404), ("big-2", 200), ("big-22", 200)):
        assert reader.get(f"/channels/{slug}").status_code == status, slug


def test_what_is_bounded_by_number_is_bounded_by_size() -> None:
    """The most there may be, each as long as it may be, four bytes a character."""
    name, nickname = 80 * 4, 32 * 4
    channel = 4 * channels.MOST_CHARACTERS
    person = nickname + validate.STATUS_CHARACTERS * 4 + 300
    assert validate.CHANNEL_NAME_CHARACTERS[1] * 4 == name
    assert validate.NICKNAME_CHARACTERS[1] * 4 == nickname
    assert channel < MOST_BYTES
    assert users.MOST_IN_PAGE * person < MOST_BYTES
    assert places.MOST * (person + 3 * name + validate.TOPIC_CHARACTERS * 4 + 300) < MOST_BYTES
    assert tokens.MOST * (name + 300) < MOST_BYTES
    assert MOST_FORMER_ADDRESSES * name < MOST_BYTES


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
