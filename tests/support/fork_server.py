"""A process that has imported everything the app needs. It forks a gunicorn, or a `flask` command.

An app started in the usual way spends most of its start on imports. The forked one is the same:
the entry point of gunicorn, its configuration file and wsgi.py run after the fork. Before the fork
gevent's hub has not run, there is no other thread, and nothing was read from the environment. The
hub itself is there, because modules make queues that belong to it; a fork gets it as new.

A caller connects to the socket named on the command line, sends {argv, env, cwd, log} as JSON and
closes its half. The answer is a line with the process id, and, when that process has ended, one
with its wait status. Each forked process has a parent of its own that waits for it.
"""

import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from gevent import monkey

monkey.patch_all()  # as gunicorn.conf.py and wsgi.py do, before anything else is imported

import flask.cli
import gunicorn.__main__
import gunicorn.workers.ggevent
from gevent.os import fork_gevent as fork

import app
import chat.web.worker
from chat.embedded.process import die_with

__all__ = ["app", "chat"]  # imported for those that are forked

COMMANDS: dict[str, Callable[[], object]] = {
    "gunicorn": lambda: gunicorn.__main__.run(prog="gunicorn"),
    "flask": flask.cli.main,
}
FILES = {"gunicorn": gunicorn.__main__.__file__, "flask": flask.cli.__file__}

# The patched ones would run the hub.
waitpid = monkey.get_original("os", "waitpid")
Socket = monkey.get_original("socket", "socket")

REQUEST_PIECE = 65_536


def serve(address: str) -> dict[str, Any]:
    """Answer callers for ever. Returns only in a new process: what it is to become."""
    listener = Socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(16)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets the parents of apps
    gc.freeze()  # a collection in a child would copy every page
    while True:
        caller, _ = listener._accept()  # type: ignore[attr-defined]  # a bare file descriptor
        server = os.getpid()
        if fork() == 0:
            listener.close()
            die_with(server)()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _request_of(caller)
        os.close(caller)


def _request_of(caller: int) -> dict[str, Any]:
    """Returns in the process that becomes the app; its parent stays here and ends here."""
    request = json.loads(b"".join(iter(lambda: os.read(caller, REQUEST_PIECE), b"")))
    parent = os.getpid()
    pid = fork()
    if pid == 0:
        os.close(caller)
        os.setsid()
        die_with(parent)()
        return dict(request)
    os.write(caller, b"%d\n" % pid)
    _, status = waitpid(pid, 0)
    os.write(caller, b"%d\n" % status)
    os._exit(0)


def become(request: dict[str, Any]) -> Callable[[], object]:
    """Take on environment, folder, output and command line; the command's entry point."""
    output = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    name, *arguments = request["argv"]
    sys.argv = [FILES[name], *arguments]
    return COMMANDS[name]


if __name__ == "__main__":
    run = become(serve(sys.argv[1]))
    sys.exit(run())
