"""The gunicorn configuration, the same in development and in production."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket or takes a lock is imported

import gc
import os
import sys

import gevent

from chat.config.environment import load
from chat.config.parsers import ConfigError
from chat.config.urls import host_and_port
from chat.logging import setup as logging_setup
from chat.monitoring.shared_dir import place
from chat.web import (
    built_files,
    gunicorn,
    handover,
    open_files,
    slow_senders,
    start_check,
    worker,
)

try:
    settings = load(os.environ)
except ConfigError as error:
    sys.exit(str(error))

# A generated SECRET_KEY must be the same in all workers.
os.environ["SECRET_KEY"] = settings["SECRET_KEY"]

bind = host_and_port(settings["HOST"], settings["PORT"])
worker_class = worker.Worker
workers = settings["WORKERS"]  # explicit: gunicorn's default depends on the host's environment
worker_connections = slow_senders.PLACES
timeout = 30
graceful_timeout = 20  # hosting platforms kill a process 30 s after SIGTERM
keepalive = 5
proc_name = "chat"
control_socket_disable = True
forwarder_headers = ""  # a client that sends SCRIPT_NAME could change the meaning of its path
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
logger_class = (
    gunicorn.Unlogged
)  # chat.logging.setup logs the requests itself, without values that must not be logged
accesslog = None
logconfig_dict = logging_setup.settings_for(settings)

WATCH_SECONDS = 0.1
GARBAGE = 10_000  # new objects between two runs of the cyclic GC; a page makes thousands


open_files.allow()


def on_starting(server):
    """Refuse settings that cannot work; create the directory for the metrics of the workers."""
    try:
        start_check.check(settings)
        if line := built_files.check(settings["PRODUCTION"]):
            server.log.warning(line)
    except ConfigError as error:
        sys.exit(str(error))
    place.make()


def pre_fork(server, worker):
    """Prepare the handover before each worker is forked."""
    handover.expect(worker)


def on_reload(server):
    """After SIGHUP, keep the old workers until the new ones are ready."""
    handover.at_reload(server)


def child_exit(server, worker):
    """Keep the counters of a worker that has ended, and drop its gauges."""
    try:
        place.fold(worker.pid)
    except Exception:  # metrics of another version; an error here would end the master
        server.log.exception("the figures of a worker that ended are lost")


def on_exit(server):
    """Remove the directory for metrics."""
    place.remove()


def post_worker_init(worker):
    """Start the background work, once in each process and only after the fork."""
    from app import start_background

    gunicorn.send_whole()
    gc.freeze()  # objects loaded by now stay for ever: the GC need not scan them
    gc.set_threshold(GARBAGE)
    start_background(worker.wsgi)
    worker.stopping = gevent.spawn(_stop_with, worker)
    handover.is_ready(worker)


def worker_exit(server, worker):
    """Wait until the sockets are closed; gunicorn itself waits only for requests."""
    worker.alive = False
    if stopping := getattr(worker, "stopping", None):
        stopping.join(graceful_timeout)


def _stop_with(worker):
    """At a graceful stop, close the sockets; otherwise the worker would run into its timeout."""
    from app import stop_background

    while worker.alive:
        gevent.sleep(WATCH_SECONDS)
    stop_background(worker.wsgi)
