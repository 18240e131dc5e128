"""Connects the metrics to the app: one line in ``app.py``, one in its list of background work."""

from functools import partial

import click
import gevent
from flask import Flask

from chat.auth.sessions import store as session_store
from chat.cache import users_by_activity
from chat.cache.fence import scripts as fence_scripts
from chat.cache.response_dependencies import VERSION
from chat.folders import DOCS
from chat.models import DOCUMENTS
from chat.models.outage import Outage
from chat.monitoring import mongo_times, request_times, sampler, shared_dir, snapshot, stale_check
from chat.redis import metrics as redis_metrics
from chat.redis.pubsub import bus
from chat.redis.scripts import sha_of
from chat.telemetry import events as telemetry
from chat.telemetry import registry

PAGE = DOCS / "monitoring.md"
# Scripts that count as GET and as SET in the times of Redis.
READING = (
    fence_scripts.READ, fence_scripts.SAME, fence_scripts.TOKEN, VERSION, session_store.READ,
)  # fmt: skip
WRITING = (
    fence_scripts.BEGIN, fence_scripts.END, fence_scripts.END_APPEND, fence_scripts.END_CHANGES,
    fence_scripts.END_TOUCH, fence_scripts.RELEASE, fence_scripts.FILL, fence_scripts.LEARN,
    session_store.STORE, session_store.END, users_by_activity.TAKE_NAME, users_by_activity.MOVE_UP,
    users_by_activity.ADD, users_by_activity.FIRST_ORDER,
)  # fmt: skip


def init_app(app: Flask) -> None:
    """Reset all metrics and begin to measure. Call it last."""
    for figure in registry.FIGURES:
        figure.clear()
    mongo_times.learn({each._get_collection_name() for each in (*DOCUMENTS, Outage)})
    for family, scripts in ((redis_metrics.GET, READING), (redis_metrics.SET, WRITING)):
        redis_metrics.learn(family, [(script, sha_of(script)) for script in scripts])
    bus.on_gap(partial(telemetry.repaired, "subscription"))  # after the repairs
    bus.on_shed(partial(telemetry.repaired, "publisher"))
    app.cli.add_command(figures)
    stale_check.init_app(app)
    app.url_value_preprocessor(request_times.name_route)


@click.command("figures")
@click.option("--write", is_flag=True, help="Bring the table in docs/monitoring.md up to date.")
def figures(write: bool) -> None:
    """Every figure of /metrics: its kind, its labels and what it means."""
    if write:
        PAGE.write_text(registry.written_into(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        click.echo(registry.table(), nl=False)


_greenlets: list[gevent.Greenlet] = []


def start(app: Flask) -> None:
    """Start the sampler and the stale check. Once in each process, after the fork."""
    if not _greenlets:
        _greenlets[:] = [gevent.spawn(sampler.watch, app), gevent.spawn(stale_check.watch, app)]


def stop(app: Flask) -> None:
    """Stop, and publish the last metrics, so that no count is lost."""
    for greenlet in _greenlets:
        greenlet.kill(block=False)
    _greenlets.clear()
    shared_dir.place.publish(snapshot.own())
