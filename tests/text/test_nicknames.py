"""A nickname belongs to one person, however it is typed and whatever it looks like."""

from concurrent.futures import ThreadPoolExecutor
from random import choice
from uuid import uuid4

import pytest
import requests
from flask import Flask

from chat.errors import Invalid, Throttled
from chat.services import accounts
from chat.text import lookalikes, validate
from chat.web import rate_limits
from tests.conftest import NewPerson
from tests.support.people import PASSWORD, Person

TRIES = 5
FORMS = ["olga", " olga", "olga ", "\u2003olga\t", "OLGA", "ｏｌｇａ", "\u3000Olga\u3000"]


def throttled(nickname: str) -> bool:
    try:
        with rate_limits.login_try(nickname):
            raise Invalid
    except Throttled:
        return True
    except Invalid:
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
    assert {validate.nickname_key(form) for form in FORMS} == {"olga"}
    assert tries(app, FORMS) == 3


def test_other_people_are_counted_by_themselves(app: Flask) -> None:
    assert tries(app, ["petra", "petr a", "petra2", "p.etra", "petra_"]) == 5


@pytest.mark.parametrize(
    "nickname",
    ["owner\ufe0f", "ow\u034fner", "owner\u3164", "\u3164\u3164", "\uffa0\u1160", "a\U000e0100b"],
)
def test_a_nickname_has_nothing_in_it_that_is_not_seen(nickname: str) -> None:
    with pytest.raises(Invalid):
        validate.check_nickname(nickname)


@pytest.mark.parametrize("nickname", ["Анна", "李小龙", "हिन्दी", "José", "ก้อย", "한글", "o_O.9"])
def test_letters_and_marks_of_every_script_are_welcome(nickname: str) -> None:
    assert validate.check_nickname(nickname)


@pytest.mark.parametrize(
    "nickname", ["оwner", "owneг", "Иван_PC", "αlpha", "aльфа", "Αnna", "ｏльга"]
)
def test_letters_of_two_alphabets_do_not_stand_in_one_nickname(nickname: str) -> None:
    with pytest.raises(Invalid):
        validate.check_nickname(nickname)


@pytest.mark.parametrize("nickname", ["alice.", ".alice", "_a_", "-x", "x-", "Анна."])
def test_a_nickname_begins_and_ends_with_a_letter_or_digit(nickname: str) -> None:
    with pytest.raises(Invalid):
        validate.check_nickname(nickname)


@pytest.mark.parametrize(
    ("taken", "twin"),
    [
        ("coco", "сосо"),
        ("Тоха", "Toxa"),
        ("ТОМ", "tom"),
        ("нора", "hopa"),
        ("кот_7", "kot_7"),
        ("ατη", "ath"),
    ],
)
def test_a_nickname_that_looks_like_a_taken_one_is_refused(taken: str, twin: str) -> None:
    assert validate.nickname_key(twin) in lookalikes.twins(validate.nickname_key(taken))
    assert validate.nickname_key(taken) in lookalikes.twins(validate.nickname_key(twin))


@pytest.mark.parametrize("nickname", ["ёжик", "Ольга", "alice", "Жанна", "李小龙", "olga_7", "42"])
def test_a_nickname_with_a_letter_of_its_alphabet_alone_has_no_twin(nickname: str) -> None:
    assert lookalikes.twins(validate.nickname_key(nickname)) == []


@pytest.mark.parametrize("nickname", ["admin", "Ad.min", "ｓｙｓｔｅｍ", "all", "Админ", "все"])
def test_only_the_first_is_called_like_an_office(new_person: NewPerson, nickname: str) -> None:
    answer = _registered(new_person, nickname)
    assert answer.status_code == 422
    assert "reserved" in answer.text


def test_the_first_account_may_be_called_admin(app: Flask) -> None:
    with app.test_request_context():
        assert accounts.set_up("Site", "admin", "a long enough word")["user"]["nickname"] == "admin"


def test_whose_nickname_looks_like_mine_comes_too_late(new_person: NewPerson) -> None:
    mine = f"сот{uuid4().hex[:6].translate(str.maketrans('abcdef', 'авсхорх'[:6]))}"
    new_person(nickname=mine)
    latin = next(twin for twin in lookalikes.twins(validate.nickname_key(mine)) if twin.isascii())
    answer = _registered(new_person, latin)
    assert answer.status_code == 422
    assert "looks like" in answer.text


def test_of_two_twins_that_register_in_the_same_moment_one_is_refused(
    new_person: NewPerson, owner: Person, invite: str
) -> None:
    """Both have been looked at before either is stored."""
    for _ in range(TRIES):
        stem = "".join(choice(list("aceopxy")) for _ in range(12))
        names = [stem, *lookalikes.twins(stem)][:2]
        both = [_at_the_form(owner.url, invite) for _ in names]
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda who, name: _register(who, name, invite), both, names))
        assert sorted(answer.status_code for answer in answers) == [303, 422]
        refused = next(answer for answer in answers if answer.status_code == 422)
        assert "looks like" in refused.text


def test_what_looks_the_same_is_stored_once(app: Flask) -> None:
    with app.test_request_context():
        accounts._store_user("coco", "-")
        with pytest.raises(Invalid, match="looks like"):
            accounts._store_user("сосо", "-")
        with pytest.raises(Invalid, match="taken"):
            accounts._store_user("Coco", "-")
        accounts._store_user("ёжик", "-")


def _at_the_form(url: str, invite: str) -> Person:
    stranger = Person(url)
    stranger.get(f"/register?invite={invite}")
    return stranger


def _register(stranger: Person, nickname: str, invite: str) -> requests.Response:
    fields = {"nickname": nickname, "password": PASSWORD, "invite": invite}
    return stranger.post_form("/register", **fields)


def _registered(new_person: NewPerson, nickname: str) -> requests.Response:
    admin = new_person(role="admin")
    invite = admin.invite()
    return _register(_at_the_form(admin.url, invite), nickname, invite)
