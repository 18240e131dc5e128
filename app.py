"""The wiring of the app on one screen: one ``init_app`` line for each concern, in order of need."""

import os
from functools import partial
from typing import Any

from flask import Flask

from chat import api, cli, i18n, models, presence, realtime, redis, rollout, views
from chat.auth import current_user, first_account, form_token, known_browsers
from chat.auth.sessions import interface as session_interface
from chat.cache import (
    announced_early,
    fire_drill,
    invalidation,
    isolation,
    response_dependencies,
    updates,
)
from chat.config import environment
from chat.logging import setup as logging_setup
from chat.monitoring import mongo_times, request_times, wiring
from chat.monitoring.status import health, loop
from chat.pages import jinja_env
from chat.realtime.outgoing import broadcasts
from chat.services import activity, emoji
from chat.services.rollout import follower
from chat.text import integers
from chat.views import shell
from chat.web import (
    admission,
    compression,
    memory,
    prefetch,
    rate_limits,
    security,
    trailing_slash,
)
from chat.web.flask_app import App
from chat.web.response_cache.middleware import ResponseCache

# WSGI middleware in front of Flask, the outermost first.
MIDDLEWARE = (
    request_times.Timed,
    admission.wait_for_turn,
    realtime.SocketDoor,
    security.behind_proxies,
    partial(ResponseCache, touch=activity.touch),
)
# Called before a request, in this order. The first one that returns an answer ends it.
BEFORE = (
    logging_setup.begin,
    session_interface.refuse_when_nobody_knows,
    security.to_https,
    security.check_csrf,
    rate_limits.limit_page_writes,
    prefetch.look,
    trailing_slash.without_slash,
)
# Called after a request, in this order.
AFTER = (
    request_times.tell_outcome,
    shell.expect_connection,
    rate_limits.say_when,
    security.set_headers,
    known_browsers.send,
    form_token.send,
    compression.answer,
    logging_setup.end,
)
# The background work of a process, in the order of its start; it is stopped in reverse.
BACKGROUND = (
    memory, wiring, redis, updates, follower, isolation, fire_drill, health, first_account, loop,
    activity, emoji, realtime, presence,
)  # fmt: skip


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """Create the app. Opens no connection and starts no background work.

    Settings come from the environment (``chat.config``); ``overrides`` win over it.
    """
    app = App(__name__)
    environment.init_app(app, os.environ, overrides)
    logging_setup.init_app(app)
    integers.init_app(app)
    jinja_env.init_app(app)
    models.init_app(app, response_dependencies.MongoWatch(), mongo_times.CommandTimer())
    redis.init_app(app)
    rollout.init_app(app)
    isolation.init_app(app)
    session_interface.init_app(app, prefetch.with_session)
    current_user.init_app(app, active=activity.touch, ended=broadcasts.sessions_ended)
    security.init_app(app)
    i18n.init_app(app)
    rate_limits.init_app(app)
    invalidation.init_app(app)
    announced_early.init_app(app)
    presence.init_app(app, broadcasts)
    realtime.init_app(app)
    views.init_app(app)
    api.init_app(app)
    health.init_app(app)
    wiring.init_app(app)
    cli.init_app(app)
    _put_around(app)
    return app


def _put_around(app: Flask) -> None:
    for before in BEFORE:
        app.before_request(before)
    for after in reversed(AFTER):  # Flask runs them in reverse
        app.after_request(after)
    for middleware in reversed(MIDDLEWARE):
        app.wsgi_app = middleware(app, app.wsgi_app)  # type: ignore[method-assign]


def start_background(app: Flask) -> None:
    """Start the background work. Call once in each process, after the fork."""
    for concern in BACKGROUND:
        concern.start(app)


def stop_background(app: Flask) -> None:
    """Stop the background work at a graceful stop: sockets first, then what they use.

    Presence stops before the sockets, so that people whose sockets are closed now have time to
    connect to another process and do not go offline.
    """
    for concern in reversed(BACKGROUND):
        try:
            concern.stop(app)
        except Exception:
            app.logger.exception("%s did not stop cleanly", concern.__name__)
