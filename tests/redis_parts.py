"""Real servers and a small app made of sessions, auth, security and limits alone."""

import atexit
import contextlib
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import flask
import mongoengine
import pytest
import redis as redis_py
from flask import Flask
from flask_babel import Babel
from flask_login import current_user

from chat import (
    auth,
    extensions,
    limits,
    models,
    rollout,
    security,
    session_store,
    sessions,
    signals,
)
from chat import redis as chat_redis
from chat.embedded.binaries import find_mongod, find_valkey
from chat.embedded.mongo import Mongo
from chat.embedded.process import free_port
from chat.embedded.valkey import Valkey
from chat.errors import ChatError
from chat.models import User


class Server:
    """A valkey-server that can be stopped, hung, killed and started again on its port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chat-redis-"))
        (self.folder / "data").mkdir()
        self.port = free_port()
        self._start()

    def _start(self) -> None:
        data, log = self.folder / "data", self.folder / "log"
        self.valkey = Valkey(find_valkey(self.folder), data, log, self.port)
        self.valkey.start()
        assert self.valkey.port == self.port

    @property
    def url(self) -> str:
        return self.valkey.url

    def client(self) -> Any:
        return redis_py.Redis.from_url(self.url, decode_responses=True)

    def kill(self) -> None:
        self.valkey.kill()

    def stop(self) -> None:
        self.valkey.stop()

    def restart(self) -> None:
        """Back on the same port, with what was on its disk."""
        self._start()

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        assert self.valkey.process
        pid = self.valkey.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@lru_cache(maxsize=1)
def mongod() -> Mongo:
    """One mongod for all tests of a run."""
    folder = Path(tempfile.mkdtemp(prefix="chat-mongo-"))
    (folder / "data").mkdir()
    server = Mongo(find_mongod(folder), folder / "data", folder / "log")
    server.start()
    atexit.register(server.stop)
    return server


@lru_cache(maxsize=1)
def shared_valkey() -> Server:
    """One Redis for the tests that leave it alone."""
    server = Server()
    atexit.register(server.stop)
    return server


def small_app(redis_url: str | None, **settings: Any) -> Flask:
    """The concerns under test, wired as the real app wires them, with a few routes to press."""
    app = Flask("chat")
    app.config.update(
        SECRET_KEY="a secret of the tests",
        TESTING=True,
        REDIS_URL=redis_url,
        MONGODB_URI=mongod().uri.replace("/chat?", "/chat_parts?"),
        PRODUCTION=False,
        TRUSTED_PROXIES=0,
        LIMIT_LOGIN="3/minute",
        LIMIT_REGISTER="2/hour",
        LIMIT_API="5/minute",
        **{f"TTL_{n}": 300 for n in ("USERS", "ONLINE", "CHANNELS", "MESSAGES")},
        **{f"ROLLOUT_{n}": 100 for n in ("SESSIONS", "USERS", "ONLINE", "CHANNELS")},
    )
    app.config["TTL_SESSIONS"] = 86400
    app.config.update(settings)
    Babel(app)
    models.init_app(app)
    chat_redis.init_app(app)
    rollout.init_app(app)
    for concern in (sessions, auth, security, limits, signals):
        concern.init_app(app)
    app.register_error_handler(ChatError, lambda e: (str(e.detail), e.status))
    _routes(app)
    return app


def _routes(app: Flask) -> None:
    app.add_url_rule("/form", "form", security.csrf_token)
    app.add_url_rule("/plain", "plain", lambda: "plain")
    app.add_url_rule("/me", "me", lambda: current_user.nickname or "nobody")
    app.add_url_rule("/health", "health", lambda: "fine")
    app.add_url_rule("/change", "change", lambda: "changed", methods=["POST"])
    app.add_url_rule("/api/change", "api_change", lambda: "changed", methods=["POST"])
    app.add_url_rule("/private", "private", auth.login_required(lambda: "private"))
    app.add_url_rule("/api/private", "api_private", auth.login_required(lambda: "private"))
    app.add_url_rule("/admin", "admin", auth.role_required("admin")(lambda: "admin"))
    app.add_url_rule("/api/admin", "api_admin", auth.role_required("admin")(lambda: "admin"))

    @app.post("/login")
    def login() -> str:
        row = User.by_nickname(flask.request.form["nickname"])
        assert row
        auth.log_in(models.user.to_profile(row))
        return flask.session["csrfToken"]  # type: ignore[no-any-return]

    @app.post("/logout")
    def logout() -> str:
        sessions.end_current()
        return "bye"

    @app.post("/slow")
    def slow() -> str:
        flask.session["note"] = "slow"
        during = app.config.get("DURING")
        if during:
            during()
        return "slow"


class Person:
    """A browser that is signed in."""

    def __init__(self, app: Flask, nickname: str = "olga") -> None:
        self.app, self.nickname = app, nickname
        self.http = app.test_client()
        form = self.http.get("/form").text
        answer = self.post("/login", token=form, nickname=nickname)
        assert answer.status_code == 200, answer.text
        self.token = answer.text

    def post(self, path: str, token: str | None = None, **fields: str) -> Any:
        given = token if token is not None else self.token
        return self.http.post(path, data={"csrf_token": given, **fields})

    def name(self) -> str:
        answer = self.http.get("/me")
        return answer.text if answer.status_code == 200 else str(answer.status_code)

    @property
    def sid(self) -> str:
        name = self.app.config["SESSION_COOKIE_NAME"]
        cookie = self.http.get_cookie(name)
        assert cookie
        return cookie.value


def make_user(nickname: str, role: str = "member") -> User:
    """Somebody, without going through a registration."""
    return User(nickname=nickname, nickname_key=nickname, password_hash="-", role=role).save()


@lru_cache(maxsize=1)
def _indexed() -> None:
    models.ensure_indexes()


def empty() -> None:
    """Nothing in MongoDB but the indexes, which are made once."""
    _indexed()
    for document in models.DOCUMENTS:
        document._get_collection().delete_many({})
    session_store._extended.clear()


def until(true: Callable[[], Any], seconds: float = 10) -> bool:
    """Wait for something that happens by itself."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def parts() -> Iterator[Flask]:
    """The small app, with both stores empty and olga in them (pytest-flask wants "app" itself)."""
    made = small_app(shared_valkey().url)
    shared_valkey().client().flushall()
    with made.app_context():
        empty()
        make_user("olga")
    yield made
    leave()


@pytest.fixture
def own_redis() -> Iterator[Server]:
    """A Redis to be broken."""
    server = Server()
    yield server
    server.kill()


@pytest.fixture
def fragile(own_redis: Server) -> Iterator[Flask]:
    """The small app on a Redis to be broken."""
    made = small_app(own_redis.url)
    with made.app_context():
        empty()
        make_user("olga")
    yield made
    leave()


def leave() -> None:
    extensions.redis.close()
    mongoengine.disconnect()
    logging.getLogger("chat").setLevel(logging.NOTSET)
