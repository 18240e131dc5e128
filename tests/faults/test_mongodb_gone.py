"""MongoDB is missing at the start, or fails: a clear error, no loss, recovery by itself."""

import signal
from collections.abc import Iterator
from time import monotonic

import pytest
from socketio.exceptions import ConnectionError as Refused

from chat.embedded.mongo import Mongo
from tests.support.people import Person, new_message
from tests.support.processes import AppProcess
from tests.support.servers import start_mongod
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def own_mongod(tmp_path_factory) -> Iterator[Mongo]:
    server = start_mongod(tmp_path_factory.mktemp("gone"))
    yield server
    server.kill()


def is_ready(person: Person) -> bool:
    return person.get("/health/ready").status_code == 200


def test_an_app_that_starts_before_mongodb_says_so_and_serves_when_it_is_there(
    launch_app, own_mongod
):
    app: AppProcess = launch_app(MONGODB_URI=own_mongod.uri)
    visitor = Person(app.url)
    own_mongod.kill()
    app.restart()

    assert visitor.get("/health").status_code == 200
    eventually(lambda: visitor.get("/health/mongo").json()["status"] == "down")
    told = visitor.get("/health/ready")
    assert (told.status_code, told.json()["mongo"]) == (503, "down")
    assert visitor.get("/login").status_code == 503
    assert "MongoDB cannot be used" in app.log.read_text(encoding="utf-8")

    own_mongod.start()

    eventually(lambda: is_ready(visitor))
    assert eventually(lambda: visitor.get("/setup").status_code == 200)
    assert "MongoDB is back after" in app.log.read_text(encoding="utf-8")


def test_whoever_tries_while_mongodb_is_away_is_not_throttled_when_it_is_back(
    launch_app, own_mongod
):
    uri = own_mongod.uri.replace("/chat", "/chat_tries")
    app = launch_app(MONGODB_URI=uri, LIMIT_LOGIN="3/hour", LIMIT_REGISTER="1/hour")
    owner = Person(app.url).set_up()
    assert owner.post_form("/admin/site", site_name="Test", open_registration="on").ok
    visitor, newcomer = Person(app.url), Person(app.url)
    visitor.get("/login")
    newcomer.get("/register")

    def enter() -> int:
        fields = {"nickname": owner.nickname, "password": owner.password}
        return visitor.post_form("/login", **fields).status_code

    def register() -> int:
        fields = {"nickname": newcomer.nickname, "password": newcomer.password}
        return newcomer.post_form("/register", **fields).status_code

    def change() -> int:
        fields = {"old_password": owner.password, "new_password": "another long password"}
        return owner.post_form("/settings/password", **fields).status_code

    own_mongod.kill()
    for attempt in (enter, register, change):
        assert {attempt() for _ in range(11)} == {503}
    own_mongod.start()
    eventually(lambda: is_ready(owner))

    for attempt in (enter, register, change):  # what has just come back may still be slow
        assert eventually(lambda it=attempt: (status := it()) != 503 and status) == 303


@pytest.mark.parametrize("how", ["hung", pytest.param("killed", marks=pytest.mark.long)])
def test_without_mongodb_nothing_is_acknowledged_nobody_is_logged_out_and_nothing_is_lost(
    launch_app, own_mongod, how
):
    app = launch_app(MONGODB_URI=f"{own_mongod.uri.replace('/chat', f'/chat_{how}')}")
    owner = Person(app.url).set_up()
    channel = owner.new_channel()
    path = f"/api/channels/{channel['id']}/messages"
    kept = owner.say(channel, "before")
    cold = owner.new_channel()

    if how == "killed":
        own_mongod.kill()
    else:
        own_mongod.process.popen.send_signal(signal.SIGSTOP)
    unsent = new_message("meanwhile")
    refused = owner.post(path, unsent)
    assert refused.status_code == 503
    assert refused.headers["Content-Type"] == "application/problem+json"
    # What only MongoDB knows is refused, not guessed: this was never looked at before.
    assert owner.get(f"/api/channels/{cold['id']}/messages?before=5").status_code == 503
    assert owner.session.get(f"{app.url}/admin").status_code == 503
    eventually(lambda: not is_ready(owner))
    # Now that it is known nobody waits: by each one's own patience these would make minutes.
    began = monotonic()
    assert {owner.post(path, new_message("x")).status_code for _ in range(100)} == {503}
    assert monotonic() - began < 60
    # Nor is it a bug, or a reason to log in, if even who asks is known to nobody.
    bearer = {"Authorization": "Bearer of a token"}
    assert owner.get("/api/me", headers=bearer).status_code == 503
    assert owner.post(path, unsent, headers=bearer).status_code == 503
    launch_app.redis[0].client().delete(f"cache:users:profile:{owner.id}")
    places = ["/api/me", "/api/nowhere", "/channels", "/nowhere"]
    assert {owner.session.get(app.url + place).status_code for place in places} == {503}
    with pytest.raises(Refused):
        owner.socket()
    told = app.log.read_text(encoding="utf-8")
    assert "Exception on" not in told
    assert "connect failed" not in told

    if how == "killed":
        own_mongod.start()
    else:
        own_mongod.process.popen.send_signal(signal.SIGCONT)
    eventually(lambda: is_ready(owner))

    # A write whose end nobody saw may have happened: sent again, it is there once.
    sent = owner.post(path, unsent)
    print(sent.status_code, sent.text)
    assert sent.ok
    assert sent.status_code in (200, 201)
    assert owner.get("/api/me").status_code == 200
    shown = owner.get(path).json()["messages"]
    assert [m["text"] for m in shown] == ["before", "meanwhile"]
    assert shown[0]["id"] == kept["id"]
