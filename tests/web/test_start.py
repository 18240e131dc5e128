"""The start as it is deployed: refusals, addresses, and no secrets in the output."""

import subprocess
import sys
from urllib.parse import quote

import pytest
import requests

from tests.support.embedded import Run
from tests.support.people import Person
from tests.support.processes import ROOT, AppProcess, new_database
from tests.support.waiting import SECONDS, eventually

PASSWORD = "p@ss:QXZ/rd#1"
ENCODED = quote(PASSWORD, safe="")
START, RELEASE = "gunicorn wsgi:app", "flask --app wsgi init-db"
HEALTH = ("/health/mongo", "/health/redis", "/health/ready", "/login", "/metrics")


def refusal(command: str, folder, mongod, **env: str) -> str:
    """What it says instead of starting."""
    app = AppProcess(folder, MONGODB_URI=new_database(mongod.uri))
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        env={**app.env, **env}, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode != 0
    told = done.stdout + done.stderr
    return "\n".join(line for line in told.splitlines() if "INFO gunicorn" not in line)


@pytest.mark.parametrize(
    ("command", "setting", "value", "said"),
    [
        (START, "REDIS_URL", f"redis://u:{PASSWORD}@h/0", "percent-encode"),
        (RELEASE, "MONGODB_URI", f"mongodb://u:{PASSWORD}@h/chat", "percent-encode"),
        (START, "MONGODB_URI", f"mongodb+srv://u:{ENCODED}@db.invalid/chat", "db.invalid"),
        (RELEASE, "MONGODB_URI", f"mongodb+srv://u:{ENCODED}@db.invalid/chat", "db.invalid"),
        (START, "REDIS_URL", "redis://h/0?foo=bar", "there is no option foo"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_in_one_line(
    tmp_path, mongod, command, setting, value, said
):
    told = refusal(command, tmp_path, mongod, **{setting: value})
    assert told.removeprefix("Error: ").startswith(setting)
    assert said in told
    assert "\n" not in told
    assert not [part for part in ("QXZ", "p@", "ss:", "rd#") if part in told]


@pytest.mark.parametrize("command", [START, RELEASE])
def test_a_database_that_redis_does_not_have_is_named(tmp_path, mongod, valkey, command):
    told = refusal(command, tmp_path, mongod, REDIS_URL=valkey.url_of(99))
    assert "REDIS_URL names database 99" in told
    assert "\n" not in told


def test_a_redis_that_is_away_is_no_reason_to_refuse(launch_app):
    app = launch_app(REDIS_URL="redis://127.0.0.1:9/99")
    assert requests.get(f"{app.url}/health/redis", timeout=SECONDS).status_code == 503


def test_a_password_that_is_refused_is_told_nowhere(tmp_path, mongod, valkey):
    """Neither server asks for one, which Redis does not take well."""
    app = AppProcess(
        tmp_path,
        MONGODB_URI=new_database(mongod.uri).replace("//", f"//u:{ENCODED}@"),
        REDIS_URL=valkey.url.replace("//", f"//u:{ENCODED}@"),
    ).start()
    try:
        for store in ("mongo", "redis"):
            url = f"{app.url}/health/{store}"
            eventually(lambda url=url: requests.get(url, timeout=SECONDS).status_code == 503)
        told = [requests.get(app.url + path, timeout=SECONDS).text for path in HEALTH]
        told.append(app.log.read_text(encoding="utf-8"))
        assert not [t for t in told if "QXZ" in t or ENCODED in t]
    finally:
        app.kill()


def test_it_listens_on_all_addresses_ipv6_and_ipv4(launch_app):
    app = launch_app(HOST="::")
    person = Person(f"http://[::1]:{app.port}", "owner").set_up()
    assert Person(app.url, "owner").login().id == person.id


def test_make_run_listens_on_ipv6_and_says_where(tmp_path):
    with Run(tmp_path, tmp_path / "data", HOST="::1") as one:
        url = f"http://[::1]:{one.port}"
        assert f"The chat is at {url} (" in one.output
        assert Person(url, "owner").set_up().id
