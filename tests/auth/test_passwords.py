"""Passwords: normalized Unicode, and no password that attackers try first."""

import subprocess
import sys

import pytest
from argon2 import PasswordHasher
from pymongo import MongoClient

from chat.auth import password_rules
from chat.errors import Invalid
from tests.support.people import Person
from tests.support.processes import ROOT

COMPOSED = "\u0419од и \u0451лка 2026"
DECOMPOSED = "\u0418\u0306од и \u0435\u0308лка 2026"
WIDE = "Ｙｏｇａ　２０２６ и \u0451лка"
NARROW = "Yoga 2026 и \u0435\u0308лка"
WEAK = ["password123", "aaaaaaaaaa", "qwertyuiop", "йцукенгшщз", "йцукен12345", "1234567890",
        "P@ssw0rd2026", "gfhjkm12345", "пароль2026!", "abcabcabcabc", "passwordpassword",
        "1q2w3e4r5t6y"]  # fmt: skip
FINE = [
    "correct horse",
    "мама мыла раму",
    "8350294716",
    "a better password",
    COMPOSED,
    "x7Gk2mQp9Z",
]


def log_in(url: str, nickname: str, password: str) -> int:
    visitor = Person(url)
    visitor.get("/login")
    return int(visitor.post_form("/login", nickname=nickname, password=password).status_code)


@pytest.mark.parametrize(
    ("first", "later"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), (WIDE, NARROW)]
)
def test_a_password_is_the_same_however_its_letters_are_composed(server, invite, first, later):
    assert first != later
    person = Person(server.url, password=first).register(invite)
    assert log_in(server.url, person.nickname, later) == 303
    assert log_in(server.url, person.nickname, later + "й") == 422

    changed = {"old_password": later, "new_password": first + "!"}
    assert person.post_form("/settings/password", **changed).status_code == 303
    assert log_in(server.url, person.nickname, later + "!") == 303


@pytest.mark.parametrize("later", [DECOMPOSED, COMPOSED])
def test_an_old_hash_accepts_the_password_as_typed_and_is_then_normalized(server, invite, later):
    person = Person(server.url).register(invite)
    old = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(DECOMPOSED)
    with MongoClient(server.env["MONGODB_URI"]) as mongo:
        users = mongo.get_default_database()["users"]
        users.update_one({"nickname": person.nickname}, {"$set": {"password_hash": old}})
        assert log_in(server.url, person.nickname, DECOMPOSED) == 303
        assert users.find_one({"nickname": person.nickname})["password_hash"] != old
    assert log_in(server.url, person.nickname, later) == 303


def test_a_password_set_by_the_operator_is_the_same_however_it_is_typed(server, invite):
    person = Person(server.url).register(invite)
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "reset-password", "--ask"]
    typed = f"{COMPOSED}\n{COMPOSED}\n"
    done = subprocess.run(
        [*command, person.nickname], env=server.env, cwd=ROOT, input=typed, text=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert log_in(server.url, person.nickname, DECOMPOSED) == 303


@pytest.mark.parametrize("password", WEAK)
def test_a_password_that_is_tried_first_is_refused_with_the_reason(server, invite, password):
    visitor = Person(server.url)
    visitor.get(f"/register?invite={invite}")
    fields = {"nickname": visitor.nickname, "password": password, "invite": invite}
    answer = visitor.post_form("/register", **fields)
    assert answer.status_code == 422
    assert 'id="password-error"' in answer.text
    assert password not in answer.text


@pytest.mark.parametrize("password", FINE)
def test_uncommon_passwords_are_accepted(password):
    assert password_rules.check_new_password(password, "olga", "Test") == password


@pytest.mark.parametrize(
    "password", ["alexandra-k", "Alexandra-K1", "АкмеСтрой2026", "акме строй!!"]
)
def test_a_password_is_more_than_the_nickname_or_the_site(password):
    with pytest.raises(Invalid) as refused:
        password_rules.check_new_password(password, "alexandra-k", "Акме строй", "АкмеСтрой")
    assert "name" in str(refused.value.detail)


def test_a_change_of_password_follows_the_same_rules(server, invite):
    person = Person(server.url).register(invite)
    for weak in (person.nickname + "1", "password123"):
        fields = {"old_password": person.password, "new_password": weak}
        answer = person.post_form("/settings/password", **fields)
        assert answer.status_code == 422
        assert 'id="new_password-error"' in answer.text
    assert log_in(server.url, person.nickname, person.password) == 303
