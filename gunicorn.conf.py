"""How gunicorn serves the app, in development and in production alike."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket or takes a lock is imported

import gc
import os
import sys

import gevent

from chat.config.settings import ConfigError, load
from chat.config.urls import host_and_port
from chat.logging import setup as logging_setup
from chat.monitoring.shared_dir import place
from chat.web import gunicorn, handover, open_files, slow_connections, start_check, worker

try:
    settings = load(os.environ)
except ConfigError as error:
    sys.exit(str(error))

# What was made up for want of a setting is the same in all workers.
os.environ["SECRET_KEY"] = settings["SECRET_KEY"]

bind = host_and_port(settings["HOST"], settings["PORT"])
worker_class = worker.Worker
workers = settings["WORKERS"]  # stated: gunicorn's own default would follow the host
worker_connections = slow_connections.PLACES
timeout = 30
graceful_timeout = 20  # hosts kill 30 s after SIGTERM
keepalive = 5
proc_name = "chat"
control_socket_disable = True
forwarder_headers = ""  # a caller that says SCRIPT_NAME would choose which page its path means
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
logger_class = (
    gunicorn.Unlogged
)  # chat.logging.setup writes the requests, without what must not be logged
accesslog = None
logconfig_dict = logging_setup.settings_for(settings)

WATCH_SECONDS = 0.1
GARBAGE = 10_000  # new objects before somebody looks for rings of dead ones; a page makes thousands


open_files.allow()


def on_starting(server):
    """Refuse what cannot work, and make the place where the workers leave their figures."""
    try:
        start_check.check(settings)
    except ConfigError as error:
        sys.exit(str(error))
    place.make()


def pre_fork(server, worker):
    """Before each worker's start."""
    handover.expect(worker)


def on_reload(server):
    """SIGHUP: nobody waits for the new workers."""
    handover.at_reload(server)


def child_exit(server, worker):
    """What the worker has counted stays counted; how things stood in it is over."""
    try:
        place.fold(worker.pid)
    except Exception:  # what another edition counted; an error here would end the master
        server.log.exception("the figures of a worker that ended are lost")


def on_exit(server):
    """Nothing is left behind."""
    place.remove()


def post_worker_init(worker):
    """Start what runs in the background, once in each process and only after the fork."""
    from app import start_background

    gunicorn.send_whole()
    gc.freeze()  # what is loaded by now stays for good: never look through it again
    gc.set_threshold(GARBAGE)
    start_background(worker.wsgi)
    worker.stopping = gevent.spawn(_stop_with, worker)
    handover.is_ready(worker)


def worker_exit(server, worker):
    """Sockets are no requests to gunicorn: it would go before they are closed."""
    worker.alive = False
    if stopping := getattr(worker, "stopping", None):
        stopping.join(graceful_timeout)


def _stop_with(worker):
    """On a graceful stop, close the open sockets: they would hold the worker to its time limit."""
    from app import stop_background

    while worker.alive:
        gevent.sleep(WATCH_SECONDS)
    stop_background(worker.wsgi)
