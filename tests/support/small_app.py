"""A small app in this process: only sessions, auth, security and limits."""

import contextlib
import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import flask
import mongoengine
from flask import Flask
from flask_babel import Babel
from flask_login import current_user

from chat import models, rollout
from chat import redis as chat_redis
from chat.auth import current_user as auth
from chat.auth import form_token, known_browsers, sessions
from chat.auth.login import log_in
from chat.auth.sessions import interface as session_interface
from chat.auth.sessions import store as session_store
from chat.cache import invalidation
from chat.errors import ChatError
from chat.models import User
from chat.realtime.outgoing import broadcasts
from chat.redis.client import redis
from chat.services import activity
from chat.web import rate_limits, security
from tests.support.servers import SMALL_APP, the_mongod, the_valkey


def redis_url() -> str:
    return the_valkey().url_of(SMALL_APP)


def redis_client() -> Any:
    """What the small app has in Redis."""
    return the_valkey().client(SMALL_APP)


def small_app(redis_url: str | None, **settings: Any) -> Flask:
    """The concerns under test, wired as the real app wires them, with a few routes to press."""
    app = Flask("chat")
    app.config.update(
        SECRET_KEY="a secret of the tests",
        TESTING=True,
        REDIS_URL=redis_url,
        MONGODB_URI=the_mongod().uri.replace("/chat?", "/chat_parts?"),
        PRODUCTION=False,
        SESSION_MAX_DAYS=90,
        TRUSTED_PROXIES=0,
        LIMIT_LOGIN="3/minute",
        LIMIT_REGISTER="2/hour",
        LIMIT_API="1000/minute",
        **{f"TTL_{n}": 300 for n in ("USERS", "ONLINE", "CHANNELS", "MESSAGES")},
        **{f"ROLLOUT_{n}": 100 for n in ("SESSIONS", "USERS", "ONLINE", "CHANNELS")},
    )
    app.config["TTL_SESSIONS"] = 86400
    app.config.update(settings)
    Babel(app)
    models.init_app(app)
    chat_redis.init_app(app)
    rollout.init_app(app)
    session_interface.init_app(app)
    auth.init_app(app, active=activity.touch, ended=broadcasts.sessions_ended)
    for concern in (security, rate_limits, invalidation):
        concern.init_app(app)
    for before in (
        session_interface.refuse_when_nobody_knows,
        security.to_https,
        security.check_csrf,
        rate_limits.limit_page_writes,
    ):
        app.before_request(before)
    for after in (form_token.send, known_browsers.send, security.set_headers, rate_limits.say_when):
        app.after_request(after)
    app.wsgi_app = security.behind_proxies(app, app.wsgi_app)  # type: ignore[method-assign]
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
        log_in(models.user.to_profile(row))
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


class Browser:
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


@contextlib.contextmanager
def with_olga(url: str) -> Iterator[Flask]:
    """The small app on this Redis, with nobody but olga in MongoDB."""
    made = small_app(url)
    with made.app_context():
        empty()
        make_user("olga")
    yield made
    leave()


def leave() -> None:
    """Let go of both stores; the next app binds itself to its own."""
    redis.close()
    mongoengine.disconnect()
    logging.getLogger("chat").setLevel(logging.NOTSET)
