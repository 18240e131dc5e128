"""The WebSocket handshake: who gets a socket, and what a malicious one cannot do."""

import json

import pytest
import requests
import websocket

from tests.support.waiting import SECONDS, eventually

HARMFUL = (
    '42["disconnect"]',
    '42["connect",{},{"csrf":"x"}]',
    '42["__disconnect_final"]',
    '42["nothing",{}]',
    '42["typing",1,2,true]',
    '42{"a":1}',
    "42[5]",
    "42[]",
)


def connect(line, auth=None) -> str:
    """Ask for the namespace; what the server says to that. A ping, or an event for everybody, may
    come first: browsers keep an event until they are let in."""
    line.send("40" if auth is None else "40" + json.dumps(auth))
    while (answer := line.recv()).startswith(("2", "42")):
        pass
    return answer


def test_a_session_and_its_token_open_a_socket(alice):
    assert connect(alice.line(), {"csrf": alice.csrf}).startswith('40{"sid"')


def test_an_anonymous_handshake_is_refused(alice):
    answer = connect(alice.line(cookie=""), {"csrf": alice.csrf})
    assert answer.startswith("44")
    assert "unauthenticated" in answer


@pytest.mark.parametrize("auth", [None, {}, {"csrf": "wrong"}, {"csrf": None}, {"csrf": 5}, [1]])
def test_without_the_sessions_token_the_cookie_is_not_enough(alice, auth):
    assert connect(alice.line(), auth).startswith("44")


def test_anothers_token_does_not_help(alice, bob):
    assert connect(alice.line(), {"csrf": bob.csrf}).startswith("44")


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1", "null"])
def test_foreign_pages_are_refused(alice, origin):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        alice.line(origin=origin)
    assert refused.value.status_code == 400


def test_a_forged_forwarded_host_changes_nothing(alice):
    headers = {"Cookie": alice.cookie, "Origin": "https://evil.example"}
    headers["X-Forwarded-Host"] = "evil.example"
    url = f"{alice.url}/socket.io/?EIO=4&transport=websocket"
    assert requests.get(url, headers=headers, timeout=SECONDS).status_code == 400


def test_polling_is_not_offered(alice):
    url = f"{alice.url}/socket.io/?EIO=4&transport=polling"
    for query in ("", "&j=0"):
        answer = requests.get(url + query, headers={"Cookie": alice.cookie}, timeout=SECONDS)
        assert answer.status_code == 400


def test_other_namespaces_do_not_exist(alice):
    line = alice.line()
    line.send('40/admin,{"csrf":"' + alice.csrf + '"}')
    assert line.recv().startswith("44/admin")


def test_reserved_and_malformed_events_are_harmless(alice, room):
    line = alice.line()
    connect(line, {"csrf": alice.csrf})
    for packet in HARMFUL:
        line.send(packet)
    line.send('427["presence:ping",{}]')
    while not (answer := line.recv()).startswith("437"):
        pass
    assert answer == '437[{"ok":true}]'
    tab = alice.tab()
    assert tab.post(room, "still here")["ok"]
    eventually(lambda: "still here" in line.recv())


@pytest.mark.parametrize("packet", ["zzz", '42["message:post",{"text":"' + "x" * 70_000 + '"}]'])
def test_nonsense_and_giants_close_the_line(alice, packet):
    line = alice.line()
    connect(line, {"csrf": alice.csrf})
    line.send(packet)

    def closed() -> bool:
        try:
            return line.recv() == ""
        except (websocket.WebSocketException, OSError):
            return True

    eventually(closed)


def test_a_person_has_only_so_many_sockets(new_person):
    person = new_person()  # of whom no earlier test has left a socket behind
    lines = [person.line() for _ in range(21)]
    answers = [connect(line, {"csrf": person.csrf}) for line in lines]
    assert sum(answer.startswith("40") for answer in answers) == 20
    assert answers[-1].startswith("44")
    assert "throttled" in answers[-1]
    for line in lines:
        line.close()
