"""The whole wiring on one screen: one ``init_app`` line a concern, in the order of need."""

import os
from typing import Any

from flask import Flask

from chat import api, cli, i18n, models, presence, realtime, redis, rollout, views
from chat.auth import current_user as auth
from chat.auth import devices, first_account
from chat.auth.sessions import interface as sessions
from chat.cache import fire_drill as drill
from chat.cache import invalidation, isolation, updates
from chat.config import settings as config
from chat.logging import setup as logging_setup
from chat.monitoring import wiring as metrics
from chat.monitoring.status import health
from chat.monitoring.status import loop as status_loop
from chat.pages import jinja_env
from chat.request import concurrency
from chat.rollout import follower
from chat.services import activity, emoji
from chat.text import integers
from chat.web import memory, prefetch, rate_limits, security
from chat.web.response_cache import middleware as response_cache

# What runs beside the requests of a process, in the order it is started; stopped in reverse.
BACKGROUND = (memory, metrics, redis, updates, follower, isolation, drill, health, first_account,
              status_loop, activity, emoji, realtime, presence)  # fmt: skip


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """The application, wired and silent: no connection is opened and nothing runs before a request.

    Settings come from the environment (``chat.config.settings``); ``overrides`` win over it.
    """
    app = prefetch.App(__name__)
    config.init_app(app, os.environ, overrides)
    logging_setup.init_app(app)
    integers.init_app(app)
    jinja_env.init_app(app)
    models.init_app(app)
    redis.init_app(app)
    rollout.init_app(app)
    isolation.init_app(app)
    sessions.init_app(app)
    auth.init_app(app)
    response_cache.init_app(app)
    security.init_app(app)
    i18n.init_app(app)
    rate_limits.init_app(app)
    invalidation.init_app(app)
    presence.init_app(app)
    realtime.init_app(app)
    prefetch.init_app(app)
    views.init_app(app)
    api.init_app(app)
    health.init_app(app)
    concurrency.init_app(app, devices.is_log_in_of_a_stranger)
    metrics.init_app(app)
    cli.init_app(app)
    return app


def start_background(app: Flask) -> None:
    """Start what runs beside the requests: once in each process, after the fork."""
    for concern in BACKGROUND:
        concern.start(app)


def stop_background(app: Flask) -> None:
    """Stop it on a graceful stop: sockets before what they use, so that nobody waits for that.

    Presence goes first: those whose sockets are closed now are on their way to another process.
    """
    for concern in reversed(BACKGROUND):
        try:
            concern.stop(app)
        except Exception:
            app.logger.exception("%s did not stop cleanly", concern.__name__)
