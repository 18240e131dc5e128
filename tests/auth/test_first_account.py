"""Only a person at the machine or with the token from its log may make the first account."""

import re

import pytest
import requests

from chat.auth import setup_token
from tests.support.people import CSRF, PASSWORD, Person
from tests.support.waiting import eventually

ELSEWHERE = {"REMOTE_ADDR": "10.0.0.7"}
FIELDS = {"site_name": "Ours", "nickname": "owner", "password": PASSWORD}
THE_FORM, ASKS_FOR_TOKEN = 'name="site_name"', 'name="token"'
NOT_BY_THE_MACHINE_ITSELF = [
    {"environ": {"REMOTE_ADDR": "10.0.0.7"}},
    {"environ": {"REMOTE_ADDR": "fe80::7"}},
    {"headers": {"X-Forwarded-For": "127.0.0.1"}},
    {"headers": {"X-Forwarded-Proto": "https"}},
    {"headers": {"Forwarded": "for=127.0.0.1"}},
    {"headers": {"Host": "chat.example.org"}},  # a tunnel, or a name that was turned to 127.0.0.1
    {"headers": {"Host": "localhost.example.org:5000"}},
    {"config": {"PRODUCTION": True}},
    {"config": {"TRUSTED_PROXIES": 1}},
]


def ask(client, path="/setup", environ=None, headers=None, config=None, **form):
    """GET, or POST where there is a form to send; with the token of the browser's form."""
    client.application.config.update(config or {})
    options = {"environ_overrides": environ or {}, "headers": headers or {}}
    if not form:
        return client.get(path, **options)
    csrf = CSRF.search(client.get("/setup", **options).text)[1]
    return client.post(path, data={"csrf_token": csrf, **form}, **options)


def nobody_is_owner(client) -> bool:
    return client.get("/login").headers.get("Location") == "/setup"


@pytest.mark.parametrize("how", NOT_BY_THE_MACHINE_ITSELF)
def test_a_visitor_from_elsewhere_is_asked_for_the_token_and_told_where_it_is(client, how):
    answer = ask(client, **how)
    assert (answer.status_code, THE_FORM in answer.text) == (403, False)
    assert ASKS_FOR_TOKEN in answer.text
    assert "log" in answer.text
    refused = ask(client, **how, **FIELDS)
    assert refused.status_code == 403
    assert PASSWORD not in refused.text
    for config in ("PRODUCTION", "TRUSTED_PROXIES"):
        client.application.config[config] = False
    assert nobody_is_owner(client)


@pytest.mark.parametrize("given", ["wrong", "", "é", "0" * 32, "\0"])
def test_a_wrong_token_is_no_token(client, given):
    answer = ask(client, f"/setup?token={given}", ELSEWHERE)
    assert (answer.status_code, THE_FORM in answer.text) == (403, False)
    assert ask(client, "/setup", ELSEWHERE, **FIELDS, token=given).status_code == 403
    assert nobody_is_owner(client)


def test_with_the_token_somebody_elsewhere_makes_the_first_account(client):
    token = setup_token.token(client.application.config)
    page = ask(client, f"/setup?token={token}", ELSEWHERE)
    assert (page.status_code, THE_FORM in page.text) == (200, True)
    assert f'name="token" value="{token}"' in page.text
    mistake = ask(client, "/setup", ELSEWHERE, **{**FIELDS, "nickname": "?"}, token=token)
    assert mistake.status_code == 422
    assert f'name="token" value="{token}"' in mistake.text
    made = ask(client, "/setup", ELSEWHERE, **FIELDS, token=f" {token}\n")
    assert made.status_code == 303
    assert client.get("/api/me").get_json()["role"] == "owner"
    assert client.get(f"/setup?token={token}").status_code == 404


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5000", "[::1]:5000", "127.0.1.1"])
def test_on_the_machine_itself_nobody_is_asked_for_it(client, host):
    address = "::1" if "::1" in host else "127.0.0.1"
    answer = ask(client, environ={"REMOTE_ADDR": address}, headers={"Host": host})
    assert (answer.status_code, THE_FORM in answer.text) == (200, True)


def test_the_closed_page_speaks_russian(client):
    answer = ask(client, environ=ELSEWHERE, headers={"Accept-Language": "ru"})
    assert "журнал" in answer.text


def test_the_token_depends_on_the_secret_key_and_does_not_show_it():
    one, other = ({"SECRET_KEY": key} for key in ("a key of this server", "a key of another one"))
    assert setup_token.token(one) == setup_token.token(dict(one)) != setup_token.token(other)
    assert not setup_token.is_right(one, setup_token.token(other))


def test_all_workers_know_the_token_of_the_log_also_without_a_secret_key(launch_app):
    app = launch_app(SECRET_KEY=None, WEB_CONCURRENCY="2")
    line = re.compile(r"there is no account yet: make the first one at (/setup\?token=\w+)")

    def said() -> list[str]:
        return line.findall(app.log.read_text())

    eventually(lambda: len(said()) == 2)  # each worker
    assert len(set(said())) == 1

    def status(path: str) -> int:
        through_a_proxy = {"X-Forwarded-For": "203.0.113.9"}
        return requests.get(app.url + path, headers=through_a_proxy, timeout=30).status_code

    # Of two workers both answer some.
    assert {status(said()[0]) for _ in range(20)} == {200}
    assert {status("/setup") for _ in range(20)} == {403}
    assert Person(app.url, "owner").set_up().id
