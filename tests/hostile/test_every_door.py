"""The worst value in every field of every route and event gives a reason soon, never a 5xx."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from chat.realtime.incoming import handlers  # noqa: F401 - they put themselves into the table
from chat.realtime.incoming.events import table as socket_events
from tests.auth.test_permissions import Row, World, routes
from tests.hostile.fields import (
    COOKIES,
    EVENTS,
    FORMS,
    QUERIES,
    WORST_BODIES,
    WORST_PIECES,
    declared,
    encoded,
    names_in,
    worst_fields,
    worst_in_event,
    worst_values,
)
from tests.permission_table import ACTORS
from tests.support.effort import share
from tests.support.people import Person
from tests.support.processes import ROOT, AppProcess, new_database
from tests.support.servers import start_valkey
from tests.support.tabs import Tab
from tests.support.waiting import SECONDS
from tests.support.work import seconds_of

MOST_WORK = 0.3  # seconds of a processor; a page takes a hundredth of that
NO_MEANING = ("/health", "/static/", "/setup")  # take nothing, or only once
# One of each; what kind of channel it is makes no difference here.
ROWS = list(
    {
        (row.method, row.rule): row
        for row in sorted(routes(), key=lambda row: row.mark, reverse=True)
        if not row.rule.startswith(NO_MEANING)
    }.values()
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, mongod: Any) -> Iterator[AppProcess]:
    """An app without limits on how often one may ask, and names that need not be seen elsewhere."""
    folder = tmp_path_factory.mktemp("hostile")
    redis = start_valkey(folder / "redis")
    app = AppProcess(folder, MONGODB_URI=new_database(mongod.uri), REDIS_URL=redis.url)
    yield app.prepare().start()
    app.kill()
    redis.kill()


@pytest.fixture(scope="module")
def world(place: AppProcess) -> World:
    founder = Person(place.url, "founder").set_up()
    return World(place, founder, founder.invite())


@pytest.fixture(scope="module")
def bounded(place: AppProcess) -> Callable[[Callable[[], Any], object], Any]:
    """Asks, and looks at what the worker spent."""
    worker = place.workers()[0]

    def ask(send: Callable[[], Any], what: object) -> Any:
        before = seconds_of(worker)
        answer = send()
        spent = seconds_of(worker) - before
        assert spent < MOST_WORK, f"{spent:.2f} s for {str(what)[:200]}"
        return answer

    return ask


def actor_of(world: World, row: Row) -> Person:
    """Somebody who gets as far as anybody does."""
    able = [
        name
        for name, answer in zip(ACTORS, row.expected, strict=True)
        if answer.isdecimal() and int(answer) < 400
    ]
    if row.rule in ("/login", "/register"):
        return world.people["anonymous"]
    return world.people[able[-1] if able else "maker"]


def check(answer: requests.Response, row: Row, what: object) -> None:
    said = f"{row.method} {row.rule} {str(what)[:200]}: {answer.status_code}"
    assert answer.status_code < 500, said
    if answer.status_code >= 400 and row.rule.startswith("/api"):
        assert answer.headers["Content-Type"] == "application/problem+json", said
        problem = answer.json()
        assert problem["error"], said
        assert problem["status"] == answer.status_code, said
    elif answer.status_code >= 400:
        assert "html" in answer.headers["Content-Type"], said


def name_of(row: Row) -> str:
    return f"{row.method} {row.rule}"


@pytest.mark.parametrize("row", [row for row in ROWS if "<" in row.rule], ids=name_of)
def test_paths_with_any_value_get_a_reason(world: World, bounded: Any, row: Row) -> None:
    actor, body = actor_of(world, row), world.body(row.body)
    parts = [piece for piece in row.rule.split("/") if piece.startswith("<")]
    for part in parts:
        for worst in share(WORST_PIECES, (row.rule, part)):
            path = world.path(row._replace(rule=row.rule.replace(part, "@@")), actor)
            path = path.replace("@@", worst)
            send = json_call(actor, row.method, path, encoded(body or {}))
            if not row.rule.startswith("/api"):
                send = form_call(world, actor, row.method, path, body or {})
            check(bounded(send, path), row, path)


def json_call(
    actor: Person, method: str, path: str, body: bytes
) -> Callable[[], requests.Response]:
    raw = None if method == "GET" else body
    return lambda: actor.api(method, path, raw=raw, content_type="application/json")


def form_call(
    world: World, actor: Person, method: str, path: str, fields: dict
) -> Callable[[], requests.Response]:
    return lambda: world.form(actor, method, path, fields)


def is_form(row: Row) -> bool:
    takes = row.body != "-" or row.rule in FORMS
    return row.method == "POST" and takes and not row.rule.startswith("/api")


@pytest.mark.parametrize("row", [*filter(is_form, ROWS)], ids=name_of)
def test_forms_with_any_value_get_a_reason(world: World, bounded: Any, row: Row) -> None:
    actor = actor_of(world, row)
    usual = world.body(row.body) or {}
    for name in (*usual, *FORMS.get(row.rule, ())):
        for worst in share(worst_fields(), (row.rule, name)):
            path, fields = world.path(row, actor), world.body(row.body) or {}
            send = form_call(world, actor, "POST", path, fields | {name: worst})
            answer = bounded(send, (name, worst))
            check(answer, row, (name, worst))
            if answer.status_code < 400:
                world.changed(row.mark)


@pytest.mark.parametrize("row", [row for row in ROWS if declared().get((row.method, row.rule))])
def test_json_with_any_value_gets_a_reason(world: World, bounded: Any, row: Row) -> None:
    shape, _query = declared()[row.method, row.rule]
    if shape is None:
        return
    actor = actor_of(world, row)
    usual = world.body(row.body) or {}
    for name in names_in(shape):
        for worst in share(worst_values(usual.get(name)), (row.rule, name)):
            path = world.path(row, actor)
            body = encoded((world.body(row.body) or {}) | {name: worst})
            answer = bounded(json_call(actor, row.method, path, body), (name, worst))
            check(answer, row, (name, worst))
            if answer.status_code < 400:
                world.changed(row.mark)
    for raw in share(WORST_BODIES, row.rule):
        answer = bounded(json_call(actor, row.method, world.path(row, actor), raw), raw[:20])
        check(answer, row, raw[:20])
        assert answer.status_code in (400, 415, 422, 413) or raw in (b"", b'{"a": 1, "a": 2}')


WORST_QUERIES = [
    *WORST_PIECES, "9" * 3000, "-" + "9" * 3000, "1e400", "NaN", "", "1&" * 50
]  # fmt: skip


def queries() -> list[tuple[Row, tuple[str, ...]]]:
    found = []
    for row in ROWS:
        shape = declared().get((row.method, row.rule), (None, None))[1]
        names = (*QUERIES.get(row.rule, ()), *names_in(shape))
        if row.method == "GET" and names:
            found.append((row, names))
    return found


@pytest.mark.parametrize(("row", "names"), queries())
def test_queries_with_any_value_get_a_reason(
    world: World, bounded: Any, row: Row, names: tuple[str, ...]
) -> None:
    actor = actor_of(world, row)
    path = world.path(row, actor)
    for name in names:
        for worst in share(WORST_QUERIES, (row.rule, name)):
            asked = f"{path}?{name}={worst}"
            check(bounded(form_call(world, actor, "GET", asked, {}), asked), row, asked)


@pytest.fixture(scope="module")
def tab(world: World) -> Iterator[Tab]:
    maker = world.people["maker"]
    with_socket = Tab(maker.url, maker.cookie, maker.csrf)
    yield with_socket
    with_socket.close()


@pytest.mark.parametrize("event", EVENTS)
def test_events_with_any_payload_get_a_reason(
    world: World, tab: Tab, bounded: Any, event: str
) -> None:
    for name in (*EVENTS[event], None):
        for worst in share(worst_in_event(), (event, name)):
            channel = world.channel("")
            message = channel["message"]
            usual = {"channel": channel["id"], "id": message["id"], "seq": 1, "after": 0, "rev": 0}
            usual |= world.body("message") or {}
            data = worst if name is None else usual | {name: worst}
            answer = bounded(
                lambda data=data: tab.socket.call(event, data, timeout=SECONDS), (name, worst)
            )
            assert isinstance(answer["ok"], bool)
            assert answer["ok"] or answer["error"] not in ("server", "unavailable"), (name, worst)
            if answer["ok"] and event == "message:delete":
                world.changed("")


@pytest.mark.parametrize("csrf", ["\ud800", "é", "\x00", "x" * 20_000, None, 7, [], {}])
def test_a_handshake_with_a_token_of_anything_is_refused(world: World, csrf: Any) -> None:
    maker = world.people["maker"]
    line = maker.line()
    line.send(b"40" + encoded({"csrf": csrf, "presence": csrf}))
    answer = line.recv()
    assert answer.startswith("44"), answer
    assert '"server"' not in answer
    line.close()


# -- nothing is left out


def asked_for(folder: str, *functions: str) -> set[str]:
    """The names that the program asks for: ``request.form.get("text")`` asks for "text"."""
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in functions:
                values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                found |= {value for value in values if isinstance(value, str) and value}
            if isinstance(node, ast.Subscript) and f"{ast.unparse(node.value)}.get" in functions:
                found.add(ast.unparse(node.slice))
    return found


def attacked() -> set[str]:
    sent = {name for row in routes() for name in World.body(_Anybody(), row.body) or {}}
    listed = [name for names in (*FORMS.values(), *QUERIES.values()) for name in names]
    return sent | set(listed)


class _Anybody:
    """Enough of a world to ask for the fields of its bodies."""

    people: Any = type("Anybody", (dict,), {"__missing__": lambda self, key: Person("", key)})()


def test_every_field_of_a_form_is_attacked() -> None:
    asked = asked_for(
        "chat", "request.form.get", "request.form.getlist", "request.args.get", "typed",
        "request.args.getlist", "request.values.get", "query_text", "page_number",
    )  # fmt: skip
    elsewhere = {"csrf_token", "token"}  # of forms (test_security.py) and of the first account
    assert asked - attacked() == elsewhere


def test_every_cookie_is_attacked() -> None:
    asked = asked_for("chat", "request.cookies.get")
    assert asked <= {*COOKIES}, "tests/hostile/test_requests.py sends each at its worst"


def test_every_event_and_each_of_its_fields_is_attacked() -> None:
    assert set(EVENTS) == set(socket_events)
    asked = asked_for("chat/realtime", "text", "number", "optional_number")
    assert asked == {name for names in EVENTS.values() for name in names}


def test_files_are_not_taken_yet() -> None:
    """Whoever takes them has to bound them, and to send the worst of them here."""
    source = "".join(path.read_text(encoding="utf-8") for path in Path(ROOT, "chat").rglob("*.py"))
    assert "request.files" not in source
