"""The app as it is deployed: a gunicorn process with its own database."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import requests

from chat.embedded.process import LOOPBACK, Process
from tests.support import databases, forked
from tests.support.databases import new_database
from tests.support.forked import ROOT
from tests.support.ports import free_port
from tests.support.servers import Redis, start_valkey
from tests.support.waiting import eventually

SECRET_KEY = "only for tests, and long enough"
# Many people come from one address here. A test of the limits sets its own.
GENEROUS = {
    "LIMIT_LOGIN": "10000/minute",
    "LIMIT_REGISTER": "10000/hour",
    "LIMIT_API": "100000/minute",
    "LIMIT_SOCKET_EVENTS": "1000/second",
}
# Most tests need people, not their passwords. Where people are served this is refused.
CHEAP_PASSWORDS = {"CHAT_ENV": "test", "CHEAP_PASSWORD_HASHES": "true"}
GUNICORN = (sys.executable, "-m", "gunicorn")
START_SECONDS, STOP_SECONDS = 120, 30
LOG_TAIL = 60


def _is_production(env: Mapping[str, str | None]) -> bool:
    return env.get("CHAT_ENV") == "production" or bool(env.get("DYNO"))


class AppProcess:
    """One gunicorn. ``env`` wins over what a test usually wants; None unsets a variable."""

    command: tuple[str, ...] = (*GUNICORN, "wsgi:app")
    root = ROOT  # where the code lies
    is_measured = False  # if so, it starts as it does for people, and passwords cost what they cost

    def __init__(self, folder: Path, **env: str | None) -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.log = folder / f"app-{self.port}.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("REDIS_")}
        own = {"HOST": LOOPBACK, "PORT": str(self.port), "DATA_DIR": str(folder)}
        usual = GENEROUS if self.is_measured or _is_production(env) else GENEROUS | CHEAP_PASSWORDS
        wanted = {**inherited, **usual, "SECRET_KEY": SECRET_KEY, **own, **env}
        self.env = {name: value for name, value in wanted.items() if value is not None}
        self.process: Process | None = None

    def prepare(self) -> "AppProcess":
        """Build the indexes, as a release does."""
        if databases.can_copy_release(self.env):
            databases.copy_release(self.env["MONGODB_URI"])
        else:
            databases.release(self.env)
        return self

    def start(self) -> "AppProcess":
        """Start it, and return when it answers."""
        self.process = self._process()
        assert self.process.wait_until(self._answers, START_SECONDS), self.tail()
        return self

    def stop(self) -> None:
        """End it gracefully."""
        if self.process:
            self.process.stop(STOP_SECONDS)

    def workers(self) -> list[int]:
        """The processes that do the work."""
        assert self.process
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    @property
    def status(self) -> int | None:
        """How it ended."""
        return self.process.popen.returncode if self.process else None

    def kill(self) -> None:
        """As a crash or a lost machine does it: master and workers at once, no handler runs."""
        if self.process and self.process.running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.popen.wait()
            eventually(lambda: not self._answers())

    def restart(self) -> "AppProcess":
        self.stop()
        return self.start()

    def tail(self) -> str:
        """The end of its log, for a failure's report."""
        if not self.log.exists():
            return "(no log)"
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL:])

    def _process(self) -> Process:
        is_gunicorn = self.command[: len(GUNICORN)] == GUNICORN and self.root == ROOT
        if is_gunicorn and not self.is_measured and forked.can_become(self.env):
            command = self.command[len(GUNICORN) - 1 :]
            return forked.Forked(command, title="the app", log=self.log, env=self.env)
        return Process(self.command, title="the app", log=self.log, env=self.env, cwd=self.root)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.RequestException:
            return False


class Measured(AppProcess):
    """An app whose times are figures that people are told."""

    is_measured = True


class Launcher:
    """Starts apps for one test, each with a database and a Redis of its own unless it shares
    those of another (``beside=app``)."""

    PLACES = ("MONGODB_URI", "REDIS_URL", "REDIS_SENTINEL", "REDIS_CLUSTER", "DISABLE_REDIS")

    def __init__(self, folder: Path, mongodb_uri: str) -> None:
        self.folder, self.mongodb_uri = folder, mongodb_uri
        self.launched: list[AppProcess] = []
        self.redis: list[Redis] = []
        self.databases: list[str] = []  # of its own; those that it shares are somebody else's

    def __call__(
        self, beside: AppProcess | None = None, wsgi: str = "wsgi", **env: str | None
    ) -> AppProcess:
        """``wsgi``: the module that makes the app, for a test that changes something in it."""
        places = self._places_of(beside) if beside else self._new_places(env)
        app = AppProcess(self.folder, **{**places, **env})
        app.command = (*GUNICORN, f"{wsgi}:app")
        self.launched.append(app)
        if beside is None:
            app.prepare()
        return app.start()

    def close(self) -> None:
        for app in self.launched:
            app.kill()  # at once: how an app stops is what some tests are about
        for server in self.redis:
            server.kill()
        for uri in self.databases:
            databases.drop(uri)

    def _new_places(self, env: dict[str, str | None]) -> dict[str, str]:
        self.databases.append(new_database(self.mongodb_uri))
        places = {"MONGODB_URI": self.databases[-1]}
        if not set(self.PLACES[1:]) & set(env):
            self.redis.append(start_valkey(self.folder / f"redis-{len(self.redis)}"))
            places["REDIS_URL"] = self.redis[-1].url
        return places

    def _places_of(self, app: AppProcess) -> dict[str, str]:
        return {name: app.env[name] for name in self.PLACES if name in app.env}
