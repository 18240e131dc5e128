"""With PUBLIC_URL the site has one address, whatever a client claims."""

import http.client
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket

from tests.support.people import Person

SITE = "http://chat.example.org"
STRANGER = "evil.example"


@pytest.fixture(scope="module")
def site(tmp_path_factory, mongod, valkey):
    from tests.support.processes import AppProcess, new_database

    app = AppProcess(
        tmp_path_factory.mktemp("public"),
        MONGODB_URI=new_database(mongod.uri),
        REDIS_URL=valkey.url,
        PUBLIC_URL="HTTP://Chat.Example.org/",
    )
    app.prepare().start()
    yield app
    app.kill()


@pytest.fixture(scope="module")
def somebody(site):
    return Person(site.url, "owner").set_up()


def ask(url: str, path: str, method: str = "GET", **headers: str) -> Any:
    """The answer to a request whose path and headers nobody tidies up."""
    line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    line.request(method, path, headers=headers)
    answer: Any = line.getresponse()
    answer.text = answer.read().decode()
    line.close()
    return answer


@pytest.mark.parametrize("path", ["//", "//login", "/channels//x", "/api//me", "/x//evil.example"])
def test_a_path_with_slashes_too_many_leads_on_without_naming_a_host(site, server, path):
    for url in (site.url, server.url):
        answer = ask(url, path, Host=STRANGER)
        assert STRANGER not in answer.headers.get("Location", "")
        assert re.match("/(?!/)", answer.headers.get("Location", "/"))
    assert ask(site.url, "/channels//x?a=1", Host=STRANGER).headers["Location"] == "/channels/x?a=1"


def test_links_for_others_name_the_site(somebody):
    sent = {"Host": STRANGER, "X-CSRFToken": somebody.csrf, "Cookie": somebody.cookie}
    made = json.loads(ask(somebody.url, "/api/invites", "POST", **sent).text)
    assert made["url"] == f"{SITE}/join/{made['code']}"


def test_pages_allow_sockets_to_the_site_alone(site):
    policy = ask(site.url, "/login", Host=STRANGER).headers["Content-Security-Policy"]
    assert "connect-src 'self' ws://chat.example.org;" in policy
    assert STRANGER not in policy


def opened(person: Person, origin: str | None, host: str = "") -> int:
    """The status of a WebSocket's handshake."""
    url = person.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    headers = [f"Cookie: {person.cookie}"]
    options = {"suppress_origin": True} if origin is None else {}
    if origin == "":
        options, headers = {"suppress_origin": True}, [*headers, "Origin: "]
    elif origin:
        options = {"origin": origin}
    if host:
        options["host"] = host
    try:
        websocket.create_connection(url, header=headers, timeout=30, **options).close()
    except websocket.WebSocketBadStatusException as refused:
        return int(refused.status_code)
    return 101


def test_only_pages_of_the_site_open_sockets(somebody):
    assert opened(somebody, SITE) == 101
    assert opened(somebody, "HTTP://CHAT.example.org:80") == 101
    for origin in (f"http://{STRANGER}", somebody.url, "https://chat.example.org", "null"):
        assert opened(somebody, origin) == 400
        assert opened(somebody, origin, host=STRANGER) == 400


def test_an_empty_origin_is_no_page_of_ours(somebody, new_person):
    assert opened(somebody, "") == 400
    assert opened(somebody, "", host=STRANGER) == 400
    assert opened(new_person(), "") == 400  # without PUBLIC_URL


def test_a_program_that_names_no_origin_opens_a_socket(somebody):
    assert opened(somebody, None) == 101
