"""The permission table holds for every route and socket event and each kind of person."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import requests
import socketio
from flask import Flask

from chat.realtime.incoming.events import table as socket_events
from chat.web.built_files import ADDRESS, BuiltFiles
from tests.permission_table import ACTORS, EVENTS, ROUTES
from tests.support.people import NOBODY, PASSWORD, Person
from tests.support.processes import AppProcess
from tests.support.tabs import Tab
from tests.support.waiting import SECONDS

PEOPLE = (*ACTORS[1:], "maker", "guest", "visitor", "victim")
LEAD_TO_LOGIN = ("/logout", "/language")  # for everybody, when they succeed
MARKS = "*^"  # private, archived
NO_MARKS = str.maketrans(MARKS, "  ")
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


class Row(NamedTuple):
    method: str
    rule: str
    body: str
    mark: str  # which channel: of MARKS
    expected: tuple[str, ...]


def routes() -> list[Row]:
    rows = []
    for line in filter(str.strip, ROUTES.splitlines()):
        left, right = line.split("|")
        method, rule, body = left.translate(NO_MARKS).split()
        rows.append(Row(method, rule, body, _mark(left), tuple(right.split())))
    return rows


def events() -> list[Row]:
    rows = []
    for line in filter(str.strip, EVENTS.splitlines()):
        left, right = line.split("|")
        rows.append(Row("", left.split()[0], "-", _mark(left), tuple(right.split())))
    return rows


def _mark(left: str) -> str:
    return next((mark for mark in MARKS if mark in left), "")


def test_every_route_and_every_event_has_a_row(app: Flask) -> None:
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
        if rule.endpoint != "api.nothing" or method == "GET"
    }
    assert {(row.method, row.rule) for row in routes()} == served
    assert {row.rule for row in events()} == set(socket_events)


class World:
    """People of every kind, and channels that are made anew once somebody has changed them."""

    def __init__(self, server: AppProcess, founder: Person, invite: str) -> None:
        self.people = {name: Person(server.url).register(invite) for name in PEOPLE}
        for role in ("moderator", "admin", "owner"):
            founder.give_role(self.people[role], role)
        self.people["anonymous"] = Person(server.url)
        self.people["anonymous"].get("/login")
        gone = self.people["deactivated"].id
        self.form(self.people["owner"], "POST", f"/admin/people/{gone}/deactivate", {})
        self._channels: dict[str, dict] = {}

    def form(
        self, person: Person, method: str, path: str, fields: dict, **headers: str
    ) -> requests.Response:
        if method == "POST":
            return person.post_form(path, **fields)
        return person.session.get(
            person.url + path, allow_redirects=False, timeout=SECONDS, headers=headers
        )

    def channel(self, mark: str) -> dict:
        if mark not in self._channels:
            channel = self.people["maker"].new_channel("private" if mark == "*" else "public")
            for name in ("guest", "member", "moderator", "admin", "owner"):
                path = f"/api/channels/{channel['id']}/people/{self.people[name].id}"
                assert self.people["maker"].post(path).status_code == 204
            message = self.people["maker"].say(channel, "hello")
            if mark == "^":
                path = f"/channels/{channel['slug']}/archive"
                assert self.people["maker"].post_form(path, archived="1").status_code == 303
            self._channels[mark] = channel | {"message": message}
        return self._channels[mark]

    def changed(self, mark: str) -> None:
        self._channels.pop(mark, None)

    def body(self, name: str) -> dict | None:
        fresh = uuid4().hex
        return {
            "-": None,
            "account": {"nickname": f"n{fresh[:8]}", "password": "long enough", "invite": "wrong"},
            "language": {"locale": "en", "next": "/login"},
            "message": {"text": "hello", "client_id": fresh},
            "name": {"name": f"name {fresh[:8]}"},
            "password": {"old_password": "wrong", "new_password": "long enough"},
            "role": {"role": "member"},
            "seq": {"seq": 1},
            "setup": {"site_name": "x", "nickname": "x2", "password": "long enough"},
            "site": {"site_name": "Chat"},
            "status": {"status": "busy", "locale": "en", "theme": "dark"},
            "text": {"text": "changed"},
            "token": {"name": "t", "password": PASSWORD},
            "users": {"users": [self.people["guest"].id], "user": self.people["guest"].id},
            "visitor": {"nickname": self.people["visitor"].nickname},
            "wrong": {"nickname": f"n{fresh[:8]}", "password": "wrong wrong wrong"},
        }[name]

    def path(self, row: Row, actor: Person) -> str:
        path = row.rule
        for part, value in self._values(row, actor):
            if part in path:
                path = path.replace(part, str(value()))
        return path

    def _values(self, row: Row, actor: Person) -> list[tuple[str, Callable[[], Any]]]:
        channel = self.channel
        return [
            ("<slug>", lambda: channel(row.mark)["slug"]),
            ("<channel_id>", lambda: channel(row.mark)["id"]),
            ("<message_id>", lambda: channel(row.mark)["message"]["id"]),
            ("<int:seq>", lambda: channel(row.mark)["message"]["seq"]),
            ("<user_id>", lambda: self.people[_whom(row)].id),
            ("<nickname>", lambda: self.people["guest"].nickname),
            ("<code>", self._invite),
            ("<invite>", self._invite),
            ("<token_id>", lambda: self._token(actor)),
            ("<emoji>", lambda: "🎉"),
            ("<what>", lambda: "back"),
            ("<path:path>", lambda: "nothing"),
            ("<name>", lambda: BuiltFiles().address("main.js").removeprefix(ADDRESS)),
            ("<path:filename>", lambda: "js/main.js"),
        ]

    def _invite(self) -> str:
        return self.people["owner"].post("/api/invites").json()["code"]

    def _token(self, actor: Person) -> str:
        return actor.post("/api/tokens", self.body("token")).json().get("id", NOBODY)


def _whom(row: Row) -> str:
    if row.rule.startswith("/admin"):
        return "victim"
    return "visitor" if row.method == "POST" and row.rule.startswith("/api") else "guest"


@pytest.fixture(scope="module")
def world(server: AppProcess, owner: Person, invite: str) -> World:
    return World(server, owner, invite)


@pytest.mark.parametrize("row", events(), ids=lambda row: row.rule + row.mark)
def test_event(world: World, sockets: dict[str, Tab | None], row: Row) -> None:
    answers = []
    for name in ACTORS:
        tab = sockets[name]
        if tab is None:
            answers.append("refused")
            continue
        channel = world.channel(row.mark)
        message = channel["message"]
        fields = {"channel": channel["id"], "seq": message["seq"], "after": 0, "id": message["id"]}
        answer = tab.ask(row.rule, **fields | (world.body("message") or {}))
        answers.append("ok" if answer["ok"] else answer["error"])
        if answer["ok"] and row.rule == "message:delete":
            world.changed(row.mark)
    assert dict(zip(ACTORS, answers, strict=True)) == dict(zip(ACTORS, row.expected, strict=True))


# Before the rows below, the last of which logs everybody out.
SHOW_CHANNELS = ("/channels/<slug>", "/channels/<slug>/m/<int:seq>", "/dm/<nickname>")


@pytest.mark.parametrize(
    "row",
    [row for row in routes() if row.method == "GET" and row.rule in SHOW_CHANNELS],
    ids=lambda row: row.rule + row.mark,
)
def test_a_channel_for_a_page_that_is_there_is_given_to_whom_its_page_is(
    world: World, row: Row
) -> None:
    part = {"X-Part": "channel"}
    answers = {name: _ask(world, row, world.people[name], **part) for name in ACTORS}
    assert answers == dict(zip(ACTORS, row.expected, strict=True))


@pytest.mark.parametrize("row", routes(), ids=lambda row: f"{row.method} {row.rule}{row.mark}")
def test_route(world: World, row: Row) -> None:
    answers = {name: _ask(world, row, world.people[name]) for name in ACTORS}
    assert answers == dict(zip(ACTORS, row.expected, strict=True))


def _ask(world: World, row: Row, actor: Person, **headers: str) -> str:
    path, body = world.path(row, actor), world.body(row.body)
    if row.method == "GET" and body:
        path += "?" + "&".join(f"{name}={value}" for name, value in body.items())
    if row.rule.startswith("/api"):
        answer = actor.api(row.method, path, None if row.method == "GET" else body)
    else:
        answer = world.form(actor, row.method, path, body or {}, **headers)
    if row.method != "GET" and answer.status_code < 400:
        world.changed(row.mark)
    if row.rule in LEAD_TO_LOGIN:
        return str(answer.status_code)
    if answer.status_code in (302, 303) and answer.headers["Location"].startswith("/login"):
        return "login"
    return str(answer.status_code)


@pytest.fixture(scope="module")
def sockets(world: World) -> Iterator[dict[str, Tab | None]]:
    """One open socket a person, None for whoever was not let in."""
    found = {name: _socket(world.people[name]) for name in ACTORS}
    yield found
    for tab in filter(None, found.values()):
        tab.close()


def _socket(person: Person) -> Tab | None:
    try:
        return Tab(person.url, person.cookie, person.csrf)
    except socketio.exceptions.ConnectionError:
        return None
