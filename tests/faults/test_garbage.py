"""Foreign values in our keys give no wrong answer and are removed soon."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.faults.garbage import DECLARED, KNOWN, SCORES, Garbage, everywhere
from tests.faults.whole_chat import Chat
from tests.support.processes import Launcher
from tests.support.waiting import eventually

RECOVERY = 15  # seconds, promised
# There for as long as a recovery, or under names that nobody can know beforehand.
PASSING = ("cache:probe", "f:{cache:users:list}:*")
PLANTED = {name: kind for name, kind in DECLARED.items() if name not in PASSING}
SETTINGS = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate],  # what happened before belongs to it: nothing would get smaller
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def chat(launch_app: Launcher) -> Iterator[Chat]:
    made = Chat(launch_app)
    made.do_everything("🎉")
    eventually(lambda: made.used_emoji() == 4)  # counted now and then, not at once
    eventually(made.is_warm)
    yield made
    made.close()


def plant(chat: Chat, what: dict[str, Garbage]) -> list[str]:
    """Under every key of these families that there is; the keys."""
    planted = []
    for pattern, garbage in what.items():
        for key in chat.names(pattern):
            garbage.plant(chat.client, key)
            planted.append(key)
    return planted


def survives(chat: Chat, what: dict[str, Garbage]) -> None:
    """Plant, ask, plant, write and come in; then Redis is used again, and the answers are right."""
    right = chat.answers()
    plant(chat, what)
    assert not differences(right, chat.answers())
    plant(chat, what)
    write_and_come_in(chat)
    eventually(lambda: is_normal(chat), RECOVERY, every=0.5)
    assert chat.answers().keys() == right.keys()
    assert "Traceback" not in chat.app.log.read_text(encoding="utf-8")


def differences(right: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What was right and what was told instead, by person and path."""
    return {path: (right[path], told[path]) for path in right if told[path] != right[path]}


def write_and_come_in(chat: Chat) -> None:
    path = f"/api/channels/{chat.room['id']}/messages"
    sent = chat.alice.say(chat.room, "posted")
    assert chat.bob.get(path).json()["messages"][-1]["id"] == sent["id"]
    assert chat.alice.patch(f"/api/messages/{sent['id']}", {"text": "edited"}).ok
    assert chat.bob.get(path).json()["messages"][-1]["text"] == "edited"
    again = chat.bob.again()
    tab = again.tab()
    assert tab.post(chat.room["id"], "by socket")["ok"]
    assert chat.alice.get(path).json()["messages"][-1]["text"] == "by socket"
    again.close()


def is_normal(chat: Chat) -> bool:
    """Redis is in use. Garbage beside what a process has a copy of is never looked at: it goes with
    its key, or when somebody without a copy comes."""
    return bool(chat.answers()) and chat.is_warm()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["string", "list", "set", "hash", "zset"])
def test_what_once_broke_something_changes_no_answer(chat: Chat, kind: str):
    """Of the right type in all of them, and all of it at once where a key holds many things."""
    names = [name for name, declared in PLANTED.items() if declared == kind]
    for garbage in known(kind):
        survives(chat, dict.fromkeys(names, garbage))


def known(kind: str) -> list[Garbage]:
    if kind == "string":
        return [Garbage(kind, text) for text in KNOWN]
    both = (True, False)
    if kind == "hash":
        pairs = [dict.fromkeys(KNOWN, text) for text in (b"", b"-1", b"3")]
        return [Garbage(kind, each, instead) for each in pairs for instead in both]
    if kind == "zset":
        scored = [dict.fromkeys(KNOWN, score) for score in SCORES]
        return [Garbage(kind, each, instead) for each in scored for instead in both]
    return [Garbage(kind, list(KNOWN), instead) for instead in both]


def test_garbage_everywhere_changes_no_answer_and_is_gone_soon(chat: Chat):
    @settings(SETTINGS, max_examples=4, derandomize=True)
    @given(what=everywhere(PLANTED, of_any_type=True))
    def example(what: dict[str, Garbage]) -> None:
        survives(chat, what)

    example()


@pytest.mark.long
@pytest.mark.parametrize("of_any_type", [False, True])
def test_much_garbage_everywhere_changes_no_answer_and_is_gone_soon(chat: Chat, of_any_type: bool):
    @settings(SETTINGS, max_examples=100)
    @given(what=everywhere(PLANTED, of_any_type))
    def example(what: dict[str, Garbage]) -> None:
        survives(chat, what)

    example()
