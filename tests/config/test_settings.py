"""Settings: one table, typed values, and one clear line for an unusable value."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, unquote, unquote_plus, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymongo.uri_parser import parse_uri
from redis.connection import parse_url

from chat.config import settings
from chat.config.environment import load, read
from chat.config.parsers import ConfigError

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = {"MONGODB_URI": "mongodb://db.example/chat", "SECRET_KEY": "long enough for a test"}


def test_defaults_are_those_of_the_interface():
    values = load(ENOUGH)
    ttls = {name: value for name, value in values.items() if name.startswith("TTL_")}
    assert ttls == {
        "TTL_SESSIONS": 86400,
        "TTL_USERS": 300,
        "TTL_ONLINE": 30,
        "TTL_CHANNELS": 300,
        "TTL_CHANNEL_USERS": 120,
        "TTL_MESSAGES": 60,
        "TTL_EMOJI": 86400,
    }
    rollouts = {name: value for name, value in values.items() if name.startswith("ROLLOUT_")}
    assert set(rollouts.values()) == {100}
    assert len(rollouts) == len(ttls)
    assert (values["HOST"], values["PORT"]) == ("127.0.0.1", 5000)
    assert values["WORKERS"] == 1
    assert values["DISABLE_REDIS"] is False
    assert Path("data") == values["DATA_DIR"]


def test_it_listens_everywhere_once_a_port_is_given():
    assert load({**ENOUGH, "PORT": "8080"})["HOST"] == "0.0.0.0"
    assert load({**ENOUGH, "PORT": "8080", "HOST": "127.0.0.1"})["HOST"] == "127.0.0.1"


def test_an_empty_variable_counts_as_not_set():
    assert load({**ENOUGH, "TTL_USERS": " "})["TTL_USERS"] == 300


def test_overrides_win_over_the_environment():
    assert load({**ENOUGH, "TTL_USERS": "7"}, {"TTL_USERS": 8})["TTL_USERS"] == 8


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("TTL_USERS", "-1"),
        ("TTL_USERS", "1.5"),
        ("ROLLOUT_USERS", "101"),
        ("DISABLE_REDIS", "maybe"),
        ("MONGODB_URI", "http://db"),
        ("REDIS_URL", "http://host:6379/0"),
        ("PUBLIC_URL", "redis://chat.example.org"),
        ("REDIS_SENTINEL", "host:26379"),
        ("REDIS_SENTINEL", "main"),
        ("REDIS_CLUSTER", "host"),
        ("REDIS_PREFIX", "{chat}:"),
        ("REDIS_PREFIX", "my chat"),
        ("CHAT_ENV", "staging"),
        ("LIMIT_LOGIN", "10 per fortnight"),
        ("WEB_CONCURRENCY", "0"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_in_one_line_with_what_is_accepted(name, value):
    with pytest.raises(ConfigError) as raised:
        load({**ENOUGH, name: value})
    message = str(raised.value)
    accepted = next(row.kind.accepted for row in settings.SETTINGS if row.name == name)
    assert "\n" not in message
    assert message.startswith(f"{name}={value!r}")
    assert accepted in message


# Letters and digits that are in no message, and what moves the borders of an address.
OWN = "QXZ58"
PASSWORD = st.text(OWN + "@:/#?%[]&=+,; \\'\"$!<>", min_size=1, max_size=20)
AROUND = {
    "REDIS_URL": ("redis://u:{}@h/0", "rediss://:{}@h:1", "redis://{}@h/0", "redis://u:{}", "{}"),
    "MONGODB_URI": ("mongodb://u:{}@h/c", "mongodb+srv://u:{}@h.x/c", "mongodb://u:{}", "u:{}@h"),
    "PUBLIC_URL": ("https://u:{}@h", "https://{}@h/"),
    "ALERT_WEBHOOK": ("ftp://u:{}@h", "https://[{}"),
    "REDIS_SENTINEL": ("main,u:{}@h:1", "{}@main,h:1"),
    "REDIS_CLUSTER": ("u:{}@h:1",),
}


def loaded(name, text):
    """The value of one setting and no error, or none and the error's words."""
    try:
        return load({**ENOUGH, name: text})[name], ""
    except ConfigError as error:
        return None, str(error)


@pytest.mark.parametrize(("name", "around"), [(n, text) for n in AROUND for text in AROUND[n]])
@given(password=PASSWORD)
@example(password="5/Q")
@example(password="Q://5")
@example(password="5,5")
def test_no_part_of_a_password_in_an_address_is_repeated(name, around, password):
    accepted, refusal = loaded(name, around.format(password))
    assert not set(OWN) & set(re.sub(r"\(\d+ characters\)", "", refusal))
    assert "\n" not in refusal
    told = {"REDIS_URL": redis_parts, "MONGODB_URI": mongodb_parts}.get(name)
    if accepted and told and ":{}@h" in around:  # then the library sees the same password
        meant = unquote_plus(password) if name == "MONGODB_URI" else unquote(password)
        assert told(accepted) == ("h", meant)


def redis_parts(url):
    """Host and password as the library sees them."""
    options = parse_url(url)
    return options["host"], options["password"]


def mongodb_parts(uri):
    host = urlsplit(uri).hostname.removesuffix(".x")
    plain = uri.replace("mongodb+srv", "mongodb")
    return host, parse_uri(plain)["password"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "redis://u:p@ss:w/rd#1@h/0"),
        ("REDIS_URL", "redis://u:1/2@h/0"),  # host u, port 1, if one is not careful
        ("REDIS_URL", "redis://u:1#2@h/0"),
        ("REDIS_URL", "redis://u:1?2@h/0"),
        ("MONGODB_URI", "mongodb://u:p@ss@h/chat"),
        ("MONGODB_URI", "mongodb://u:p:ss@h/chat"),
        ("MONGODB_URI", "mongodb://u:100%@h/chat"),
    ],
)
def test_a_password_that_is_not_encoded_is_refused_with_what_to_do(name, value):
    with pytest.raises(ConfigError, match="percent-encode"):
        load({**ENOUGH, name: value})


def test_an_encoded_password_means_what_it_meant_before():
    password = "p@ss:w/rd#1?%[]"
    values = load({
        "SECRET_KEY": ENOUGH["SECRET_KEY"],
        "REDIS_URL": f"redis://u:{quote(password, safe='')}@h:7/2",
        "MONGODB_URI": f"mongodb://u:{quote(password, safe='')}@h:7,i:8/chat?replicaSet=a",
    })  # fmt: skip
    assert parse_url(values["REDIS_URL"]) == {
        "host": "h", "port": 7, "db": 2, "username": "u", "password": password,
    }  # fmt: skip
    told = parse_uri(values["MONGODB_URI"])
    assert (told["nodelist"], told["password"]) == ([("h", 7), ("i", 8)], password)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("redis://h/0?foo=bar", "there is no option foo"),
        ("redis://h/0?db=1&Timeout=3", "there is no option Timeout"),
        ("unix:///run/redis.sock?ssl_cert_reqs=none", "there is no option ssl_cert_reqs"),
        ("redis://h/0?socket_timeout=soon", "an option in it has a value that cannot be used"),
        ("redis://h/zero", "number of a database"),
    ],
)
def test_values_that_the_library_cannot_use_are_refused_at_the_start(value, said):
    with pytest.raises(ConfigError, match=said) as raised:
        load({**ENOUGH, "REDIS_URL": value})
    assert str(raised.value).startswith("REDIS_URL=")


@pytest.mark.parametrize(
    "value",
    [
        "redis://h", "redis://h:1/3", "redis://:p@h", "redis://[::1]:6379/0", "redis://:6379",
        "rediss://h:1?ssl_cert_reqs=none&ssl_ca_certs=/etc/ca.pem", "unix:///run/redis.sock?db=2",
        "redis://h?health_check_interval=5&client_name=chat&socket_timeout=0.5&max_connections=9",
    ],
)  # fmt: skip
def test_every_form_of_a_redis_address_is_taken_as_it_is(value):
    assert load({**ENOUGH, "REDIS_URL": value})["REDIS_URL"] == value


def test_scheme_and_host_are_compared_without_case():
    values = load({
        **ENOUGH, "PUBLIC_URL": "HTTPS://Chat.Example.ORG:8443/", "REDIS_URL": "RedisS://h",
        "REDIS_TLS_VERIFY": "FALSE", "CHAT_ENV": "Production",
    })  # fmt: skip
    assert values["PUBLIC_URL"] == "https://chat.example.org:8443"
    assert values["REDIS_URL"] == "rediss://h?ssl_cert_reqs=none"
    assert values["PRODUCTION"]
    assert values["LOG_REQUESTS"]


@pytest.mark.parametrize("value", ["https://u:p@h", "https://u@h", "https://h?a=b", "https://h/#a"])
def test_the_public_address_is_one_that_everybody_may_see(value):
    with pytest.raises(ConfigError, match="PUBLIC_URL='https://…' cannot be used"):
        load({**ENOUGH, "PUBLIC_URL": value})


def test_a_secret_key_that_is_too_short_is_refused_without_showing_it():
    with pytest.raises(ConfigError) as raised:
        load({**ENOUGH, "SECRET_KEY": "tiny"})
    assert "tiny" not in str(raised.value)


@pytest.mark.parametrize("where", [{"CHAT_ENV": "production"}, {"DYNO": "web.1"}])
def test_production_refuses_to_start_without_a_secret_key(where):
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        load({"MONGODB_URI": "mongodb://db/chat", **where})


@pytest.mark.parametrize(
    "where", [{}, {"CHAT_ENV": "development"}, {"CHAT_ENV": "production"}, {"DYNO": "web.1"}]
)
def test_passwords_that_are_cheap_to_guess_are_refused_wherever_people_are_served(where):
    cheap = {**ENOUGH, "CHEAP_PASSWORD_HASHES": "true"}
    with pytest.raises(ConfigError, match="CHEAP_PASSWORD_HASHES"):
        load({**cheap, "SECRET_KEY": "long enough for production", **where})
    assert not load({**ENOUGH, **where, "SECRET_KEY": "long" * 5})["CHEAP_PASSWORD_HASHES"]


def test_only_the_environment_of_tests_accepts_passwords_that_are_cheap_to_guess():
    tests = {**ENOUGH, "CHAT_ENV": "test"}
    assert load({**tests, "CHEAP_PASSWORD_HASHES": "true"})["CHEAP_PASSWORD_HASHES"]
    assert not load(tests)["CHEAP_PASSWORD_HASHES"]
    assert not load(tests)["PRODUCTION"]


def test_a_dyno_is_production_behind_one_proxy():
    values = load({**ENOUGH, "DYNO": "web.1"})
    assert values["PRODUCTION"]
    assert values["TRUSTED_PROXIES"] == 1


def test_a_missing_database_is_reported_in_one_line():
    with pytest.raises(ConfigError, match="MONGODB_URI is not set") as raised:
        load({"DATA_DIR": "/nonexistent"})
    assert "make run" in str(raised.value)


def test_operator_commands_find_the_servers_of_a_run_beside_them(tmp_path):
    (tmp_path / "mongodb_uri").write_text("mongodb://127.0.0.1:1/chat")
    (tmp_path / "redis_url").write_text("redis://127.0.0.1:2/0")
    (tmp_path / "secret_key").write_text("kept in the folder")
    values = load({"DATA_DIR": str(tmp_path)})
    assert values["MONGODB_URI"] == "mongodb://127.0.0.1:1/chat"
    assert values["REDIS_URL"] == "redis://127.0.0.1:2/0"
    assert values["SECRET_KEY"] == "kept in the folder"


def test_a_certificate_is_left_unchecked_only_when_that_is_asked_for():
    managed = {**ENOUGH, "REDIS_URL": "rediss://h:1"}
    assert load(managed)["REDIS_URL"] == "rediss://h:1"
    unverified = load({**managed, "REDIS_TLS_VERIFY": "false"})
    assert unverified["REDIS_URL"] == "rediss://h:1?ssl_cert_reqs=none"


def test_sentinel_and_cluster_together_are_refused():
    both = {"REDIS_SENTINEL": "main,h:1", "REDIS_CLUSTER": "h:1"}
    with pytest.raises(ConfigError, match="only one"):
        load({**ENOUGH, **both})


def test_every_setting_is_documented():
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    assert page.read_text(encoding="utf-8") == settings.document()


def test_reading_needs_nothing_to_be_set():
    assert read({})["MONGODB_URI"] is None


def test_the_server_takes_as_many_open_files_as_the_host_allows():
    """Each open tab is one, and a shell usually gives 1,024."""
    seen = (
        "import resource, runpy; "
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE); "
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)); "
        "runpy.run_path('gunicorn.conf.py'); "
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0]); "
        "print(65536 if hard < 0 else min(hard, 65536))"
    )
    told = subprocess.run(
        [sys.executable, "-c", seen], env={**os.environ, **ENOUGH}, cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    allowed, wanted = told.stdout.split()
    assert allowed == wanted
