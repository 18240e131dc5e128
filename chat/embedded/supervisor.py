"""`make run`: the embedded servers, then the app just as the Procfile starts it, and the way back.

On SIGINT or SIGTERM the app is stopped first, gracefully, then Valkey, then MongoDB. A second
signal hurries. Should this process be killed, its children end with it.
"""

import http.client
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from chat.auth import setup_token
from chat.config.environment import read
from chat.config.parsers import ConfigError
from chat.config.urls import host_and_port
from chat.embedded import EmbeddedError
from chat.embedded.datadir import DataDir
from chat.embedded.process import LOOPBACK, Process, is_free
from chat.embedded.restarts import Restarts
from chat.embedded.servers import Servers

ROOT = Path(__file__).resolve().parents[2]
ANSWER_SECONDS, APP_STOP_SECONDS = 60, 25
POLL_SECONDS = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ONLY_US = 0o077  # what is written here and by the children is readable by this user alone
EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}
# Its libraries end a process that forks after it has used them, unless they are told not to.
FORKING = {"OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"} if sys.platform == "darwin" else {}


class Stop(Exception):
    """Somebody asked for the end."""


class Supervisor:
    """One run, from the servers' start to their end."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = {**FORKING, **environ}
        self.settings = read(environ)
        if self.settings["PRODUCTION"] and not self.settings["SECRET_KEY"]:
            raise EmbeddedError("SECRET_KEY is not set: production needs one of its own.")
        self.servers: Servers | None = None
        self.app: Process | None = None

    def run(self) -> None:
        """Serve until asked to stop; always leave nothing running."""
        for sign in SIGNALS:
            signal.signal(sign, self._asked_to_stop)
        os.umask(ONLY_US)
        self._check_port()
        with DataDir(self.settings["DATA_DIR"]) as data:
            try:
                self._start(data)
                self._watch()
            except Stop:
                print("\nStopping …", flush=True)
            finally:
                self._stop_all()

    def _start(self, data: DataDir) -> None:
        began = time.monotonic()
        self.servers = Servers(data, self.settings)
        self.environ.update(self.servers.start())
        self.environ["DATA_DIR"] = str(data.path)
        if not self.environ.get("SECRET_KEY"):
            self.environ["SECRET_KEY"] = data.secret("secret_key")
        self._prepare_database()
        self.app = Process(self._app_command(), title="The app", env=self.environ, cwd=ROOT)
        if not self.app.wait_until(self._app_answers, ANSWER_SECONDS):
            raise EmbeddedError(f"The app ended ({self.app.how_it_ended}): see above.")
        took = time.monotonic() - began
        print(f"The chat is at {self.address} (started in {took:.1f} s; Ctrl-C stops)", flush=True)
        if self._has_no_account():
            config = {**self.settings, "SECRET_KEY": self.environ["SECRET_KEY"]}
            words = setup_token.sentence(config, self.address)
            print(words[:1].upper() + words[1:], flush=True)

    def _watch(self) -> None:
        """A server that ends is started again, and the app goes on; without the app all ends."""
        assert self.app is not None
        assert self.servers is not None
        servers = [Restarts(server) for server in self.servers.all]
        while self.app.running:
            for server in servers:
                server.look()
            time.sleep(POLL_SECONDS)
        raise EmbeddedError(f"The app ended by itself ({self.app.how_it_ended}).")

    def _stop_all(self) -> None:
        """In order: who uses a server ends before it."""
        try:
            if self.app:
                self.app.stop(APP_STOP_SECONDS)
            if self.servers:
                self.servers.stop()
        except Stop:
            self._hurry()

    def _hurry(self) -> None:
        for sign in SIGNALS:
            signal.signal(sign, signal.SIG_IGN)
        if self.app:
            self.app.kill()
        if self.servers:
            self.servers.stop()

    def _asked_to_stop(self, _sign: int, _frame: Any) -> None:
        raise Stop

    @property
    def address(self) -> str:
        return f"http://{host_and_port(self._host, self.settings['PORT'])}"

    @property
    def _host(self) -> str:
        """Where the app is reached from this machine."""
        host: str = self.settings["HOST"]
        return EVERYWHERE.get(host, host)

    def _check_port(self) -> None:
        host, port = self.settings["HOST"], self.settings["PORT"]
        if not is_free(port, host):
            raise EmbeddedError(
                f"Port {port} on {host} is taken: stop what uses it, or set another, "
                f"such as PORT={port + 1}."
            )

    def _prepare_database(self) -> None:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "init-db"]
        done = subprocess.run(command, env=self.environ, cwd=ROOT, check=False)
        if done.returncode:
            raise EmbeddedError("The database could not be prepared: see above.")

    def _app_command(self) -> list[str]:
        """The Procfile's own line, run by this interpreter."""
        for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines():
            if line.startswith("web:"):
                return [sys.executable, "-m", *shlex.split(line.removeprefix("web:"))]
        raise EmbeddedError("The Procfile has no line that starts with web:.")

    def _app_answers(self) -> bool:
        return self._status_of("/health") == HTTPStatus.OK

    def _has_no_account(self) -> bool:
        return self._status_of(setup_token.PATH) in (HTTPStatus.OK, HTTPStatus.FORBIDDEN)

    def _status_of(self, path: str) -> int:
        """What the app answers; 0 if it does not."""
        connection = http.client.HTTPConnection(self._host, self.settings["PORT"], timeout=2)
        try:
            connection.request("GET", path, headers={"X-Forwarded-Proto": "https"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def main() -> int:
    """The exit status; every trouble that was foreseen is one line on stderr."""
    try:
        Supervisor(os.environ).run()
    except (ConfigError, EmbeddedError) as error:
        print(error, file=sys.stderr)
        return 1
    except Stop:  # before anything was started
        pass
    return 0
