"""Typed texts without any visible character are refused everywhere."""

from collections.abc import Callable
from typing import Any

import pytest

from chat.errors import Invalid
from chat.services import site
from chat.text import validate
from tests.conftest import NewPerson
from tests.support.people import new_message

UNSEEN = {
    "Hangul filler": "\u3164", "Hangul fillers": "\u115f\u1160\uffa0", "empty Braille": "\u2800",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff", "soft hyphen": "\xad",
    "selectors": "\ufe0f\ufe0e",
    "more selectors": "\U000e0100", "tags": "\U000e0041\U000e0042", "joiner": "\u034f",
    "directions": "\u202e\u2066\u200f", "spaces": "\u2003\u3000\xa0", "marks alone": "\u0301\u0316",
    "control": "\x01\x7f\x9f", "separators": "\u2028\u2029", "nothing assigned": "\U000e0fff",
    "Mongolian": "\u180b\u180e", "private": "\ue000",
}  # fmt: skip
LINES: dict[str, Callable[[str], str]] = {
    "channel": validate.check_channel_name,
    "topic": validate.check_topic,
    "status": validate.check_status,
    "site": site.check_name,
    "nickname": validate.check_nickname,
}


@pytest.mark.parametrize("typed", UNSEEN.values(), ids=UNSEEN)
def test_an_invisible_text_is_no_message(typed: str) -> None:
    for around in ("", " ", "\n", "\t"):
        with pytest.raises(Invalid):
            validate.check_message(around + typed + around + typed)
    assert validate.check_message("a" + typed + "b")


def test_a_message_needs_no_text_where_it_holds_something_else() -> None:
    assert validate.check_message("", beside=["a picture"]) == ""
    assert validate.check_message(" a word ", beside=["a picture"]) == "a word"
    with pytest.raises(Invalid):
        validate.check_message("a" * 8001, beside=["a picture"])


@pytest.mark.parametrize("check", LINES.values(), ids=LINES)
@pytest.mark.parametrize("typed", UNSEEN.values(), ids=UNSEEN)
def test_an_invisible_text_is_no_name(check: Callable[[str], str], typed: str) -> None:
    if typed.strip():
        with pytest.raises(Invalid):
            check(typed * 2)


@pytest.mark.parametrize("check", LINES.values(), ids=LINES)
@pytest.mark.parametrize("hidden", ["\u3164", "\u2800", "\xad", "\u200b", "\u202e", "\U000e0041"])
def test_nothing_is_hidden_in_a_name(check: Callable[[str], str], hidden: str) -> None:
    with pytest.raises(Invalid):
        check(f"gene{hidden}ral")


@pytest.mark.parametrize(
    "name", ["Команда 👨\u200d👩\u200d👧", "❤\ufe0f ja", "한국어", "हिन्दी", "⠓⠊", "e\u0301t"]
)
def test_visible_names_are_accepted(name: str) -> None:
    assert validate.check_status(name)
    assert validate.check_message(name)


@pytest.mark.parametrize("typed", ["\u3164", "\u2800\ufe0f"])
def test_every_route_refuses_invisible_names(new_person: NewPerson, typed: str) -> None:
    person = new_person(role="admin")
    channel = person.new_channel()
    message = person.say(channel, "hello")
    post = f"/api/channels/{channel['id']}/messages"
    answers: list[Any] = [
        person.post(post, new_message(typed)),
        person.patch(f"/api/messages/{message['id']}", {"text": typed}),
        person.post("/api/channels", {"name": typed}),
        person.post("/api/channels", {"name": "seen", "topic": typed}),
        person.patch(f"/api/channels/{channel['id']}", {"name": typed}),
        person.patch("/api/me", {"status": typed}),
        person.post("/api/tokens", {"name": typed, "password": person.password}),
        person.post_form(f"/channels/{channel['slug']}/messages", text=typed),
        person.post_form("/admin/site", site_name=typed),
    ]
    assert [answer.status_code for answer in answers] == [422] * len(answers)
    tab = person.tab()
    for event, fields in (
        ("message:post", {"channel": channel["id"], **new_message(typed)}),
        ("message:edit", {"id": message["id"], "text": typed}),
    ):
        assert tab.ask(event, **fields)["error"] == "invalid"
    tab.close()
