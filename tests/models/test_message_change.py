"""A message changes in one atomic update with the next number; no concurrent change is lost."""

import json
import select
import subprocess
import sys

import gevent
import pytest
from bson import ObjectId
from pymongo.collection import Collection

from chat.cache import messages
from chat.errors import Unavailable
from chat.models import Message, message_change, message_insert, reaction
from chat.models.message import lock
from chat.models.message_change import change
from chat.request.concurrency import MOST, turns
from tests.cache import stored
from tests.support.processes import ROOT

CHANNEL, AUTHOR = "a" * 24, "b" * 24
TIMES = 60


@pytest.fixture
def message(app):
    with app.app_context():
        yield message_insert.post(CHANNEL, AUTHOR, "Ann", "words", "", "client-0001")[0]


def row(message):
    return Message._get_collection().find_one({"_id": ObjectId(message["id"])})


def test_lists_numbers_and_fields_change_in_one_step_with_the_number_of_the_change(message):
    first = change(message, {"$push": {"probes": "old"}, "$set": {"text": "one"}})
    second = change(
        message,
        {"$addToSet": {"others": "new"}, "$pull": {"probes": "old"}, "$inc": {"changes": 2}},
    )

    kept = row(message)
    assert (kept["probes"], kept["others"], kept["changes"]) == ([], ["new"], 2)
    assert [first.message["rev"], second.message["rev"], kept["rev"]] == [2, 3, 3]
    assert kept["taken"] == [1, 2, 3]
    assert second.message == Message.find(message["id"])


def test_a_change_whose_guard_does_not_hold_takes_no_number_and_says_what_there_is(message):
    mine = {"probes": {"$ne": "mine"}}
    added = change(message, {"$addToSet": {"probes": "mine"}}, mine)
    again = change(message, {"$addToSet": {"probes": "mine"}}, mine)

    assert (added.kind, again.kind) == ("changed", "refused")
    assert again.message == added.message
    assert row(message)["taken"] == [1, 2]


def test_a_refused_change_leaves_the_cached_list_as_it_is(message, monkeypatch):
    messages.get_recent(CHANNEL)
    change(message, {"$set": {"text": "not this"}}, {"text": "something else"})
    monkeypatch.setattr(Message, "page", lambda *args: pytest.fail("asked MongoDB"))
    assert messages.get_recent(CHANNEL)[-1]["text"] == "words"


@pytest.fixture
def reacting(app, message):
    """As many people as have turns react to one message while another change of it lasts."""

    def react(number):
        with app.app_context(), turns.taken():
            return change(message, *reaction.adding("🎉", f"{number:024x}"))

    with lock(ObjectId(CHANNEL)):
        people = [gevent.spawn(react, number) for number in range(MOST)]
        gevent.idle()
        yield people
    gevent.joinall(people)


def test_people_who_react_at_once_keep_nobody_else_waiting(reacting):
    with turns.taken(patience=5):
        assert not any(person.ready() for person in reacting)


def test_of_people_who_wait_for_each_other_none_is_lost(message, reacting):
    lock(ObjectId(CHANNEL)).release()
    with turns.taken(patience=5):
        gevent.joinall(reacting, raise_error=True)
    lock(ObjectId(CHANNEL)).acquire()
    assert all(person.value.is_changed for person in reacting)
    assert len(row(message)["reactions"]) == MOST


def test_who_waits_too_long_for_the_others_is_told_so_and_nothing_is_changed(message, monkeypatch):
    monkeypatch.setattr(message_change, "PATIENCE", 0.01)
    with lock(ObjectId(CHANNEL)), pytest.raises(Unavailable):
        change(message, *reaction.adding("🎉", AUTHOR))
    assert row(message)["rev"] == 1
    assert change(message, *reaction.adding("🎉", AUTHOR)).is_changed


def test_what_is_gone_is_said_to_be_deleted_or_missing(message):
    deleted = change(message, {"$set": {"text": "", "deleted": True}}).message
    assert change(message, {"$set": {"text": "back"}}) == ("deleted", deleted)
    assert change(message, {"$set": {"text": "back"}}, {"deleted": True}).kind == "deleted"
    assert change(message | {"id": "c" * 24}, {"$set": {"text": "x"}}) == ("missing", None)


def test_a_change_with_unknown_outcome_is_not_hidden_by_the_cache(message, monkeypatch):
    messages.get_recent(CHANNEL)
    update = Collection.find_one_and_update

    def cut(self, *args, **kw):
        update(self, *args, **kw)
        raise ConnectionError("the line was cut")

    with monkeypatch.context() as while_cut:
        while_cut.setattr(Collection, "find_one_and_update", cut)
        with pytest.raises(ConnectionError):
            change(message, {"$set": {"text": "changed"}})

    assert messages.get_recent(CHANNEL)[-1]["text"] == "changed"


def start(app, message, name):
    task = {
        "places": {name: app.config[name] for name in ("MONGODB_URI", "REDIS_URL")},
        "message": message, "name": name, "times": TIMES,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.models.adding"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    process.stdin.write(json.dumps(task) + "\n")
    process.stdin.flush()
    return process


def test_two_processes_that_add_to_one_list_at_once_lose_nothing_and_share_no_number(app, message):
    """Meanwhile somebody reads the cached list all the time, and its numbers never go back."""
    processes = [start(app, message, name) for name in ("anna", "boris")]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    seen = [messages.get_recent(CHANNEL)[0]["rev"] for _ in until_ended(processes)]
    revs = [json.loads(process.stdout.readline()) for process in processes]
    for process in processes:
        process.communicate(timeout=30)

    kept = row(message)
    assert sorted(kept["probes"]) == sorted(
        f"{name} {number}" for name in ("anna", "boris") for number in range(TIMES)
    )
    assert kept["changes"] == 2 * TIMES
    assert sorted(revs[0] + revs[1]) == list(range(2, 2 + 2 * TIMES))
    assert seen == sorted(seen)
    messages.get_recent(CHANNEL)
    assert stored.wrong() == {}
    assert messages.get_recent(CHANNEL)[0]["rev"] == kept["rev"] == 1 + 2 * TIMES


def until_ended(processes):
    """Again and again until both have said what they did, which they do in one line."""
    waiting = {process.stdout for process in processes}
    while waiting:
        waiting -= set(select.select(list(waiting), [], [], 0)[0])
        yield
