"""One person, one nickname: however it is typed, and whatever it looks like."""

import pytest
from flask import Flask

from chat import limits, text
from chat.errors import Invalid, Throttled

FORMS = ["olga", " olga", "olga ", "\u2003olga\t", "OLGA", "ｏｌｇａ", "\u3000Olga\u3000"]


def throttled(nickname: str) -> bool:
    try:
        limits.limit_login(nickname)
    except Throttled:
        return True
    return False


def tries(app: Flask, nicknames: list[str]) -> int:
    """How many log-ins pass before the limit of three, all from one address."""
    app.config["LIMIT_LOGIN"] = "3/minute"
    passed = 0
    for nickname in nicknames:
        with app.test_request_context("/login", environ_base={"REMOTE_ADDR": "10.1.0.1"}):
            passed += not throttled(nickname)
    return passed


def test_all_ways_to_type_a_nickname_are_counted_as_one(app: Flask) -> None:
    assert {text.nickname_key(form) for form in FORMS} == {"olga"}
    assert tries(app, FORMS) == 3


def test_other_people_are_counted_by_themselves(app: Flask) -> None:
    assert tries(app, ["petra", "petr a", "petra2", "p.etra", "petra_"]) == 5


@pytest.mark.parametrize(
    "nickname",
    ["owner\ufe0f", "ow\u034fner", "owner\u3164", "\u3164\u3164", "\uffa0\u1160", "a\U000e0100b"],
)
def test_a_nickname_has_nothing_in_it_that_is_not_seen(nickname: str) -> None:
    with pytest.raises(Invalid):
        text.check_nickname(nickname)


@pytest.mark.parametrize("nickname", ["Анна", "李小龙", "हिन्दी", "José", "ก้อย", "한글", "o_O.9-"])
def test_letters_and_marks_of_every_script_are_welcome(nickname: str) -> None:
    assert text.check_nickname(nickname)
