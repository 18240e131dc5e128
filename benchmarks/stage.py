"""Real servers in a temporary folder, a team in the database, and apps in front of them."""

import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pymongo
import requests

from benchmarks import gauge, team
from chat.embedded.binaries import find_mongod
from chat.embedded.mongo import Mongo
from chat.embedded.process import Process
from tests.support.processes import ROOT, START_SECONDS, Measured, new_database
from tests.support.servers import Redis, start_valkey


class App(Measured):
    """The product and the floors beside it (`benchmarks.wsgi`) in one gunicorn worker."""

    worker: psutil.Process

    @property
    def served(self) -> tuple[str, ...]:
        """What gunicorn is told."""
        return ("benchmarks.wsgi:app",)

    def launch(self) -> None:
        """Start it without waiting for it."""
        command = [sys.executable, "-m", "gunicorn", *self.served]
        self.process = Process(command, title="the app", log=self.log, env=self.env, cwd=ROOT)

    def start(self) -> "App":
        self.launch()
        assert self.process is not None
        if not self.process.wait_until(self._answers, START_SECONDS):
            raise RuntimeError(self.tail())
        self.worker = self.find_worker()
        return self

    def find_worker(self) -> psutil.Process:
        """The process whose CPU time counts."""
        assert self.process is not None
        return gauge.worker_of(self.process.pid)

    def get(
        self, path: str, member: team.Member | None = None, timeout: float = 30
    ) -> requests.Response:
        """A page as that person sees it; an error for any other answer than 200."""
        headers = {"Cookie": member.cookie} if member else {}
        answer = requests.get(
            self.url + path, headers=headers, timeout=timeout, allow_redirects=False
        )
        if answer.status_code != requests.codes.ok:
            raise RuntimeError(f"{path}: {answer.status_code}\n{answer.text[:500]}\n{self.tail()}")
        return answer


class Stage:
    """`with Stage(people=500) as stage:`: a mongod, and apps that are all ended at the end.

    Every app has an empty Redis of its own; the team's database they share, unless they are given
    another one. Processes of one database are one installation: while one of them works without
    Redis the others do not trust theirs. So apps that are compared get a `copy` each. Without
    people there is no team.
    """

    def __init__(self, people: int = 0, in_channel: int | None = None) -> None:
        self._sizes = (people, people if in_channel is None else in_channel)
        self._temporary = tempfile.TemporaryDirectory(prefix="chat-bench-")
        self.folder = Path(self._temporary.name)
        self.mongo: Mongo | None = None
        self._started: list[App | Redis] = []

    def __enter__(self) -> "Stage":
        try:
            data = self.folder / "mongo"
            data.mkdir()
            self.mongo = Mongo(find_mongod(self.folder), data, self.folder / "mongod.log")
            self.mongo.start()
            self.uri = self.database()
            if self._sizes[0]:
                self.team = team.store(self.uri, *self._sizes)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        for started in reversed(self._started):
            started.stop()
            if kind and issubclass(kind, Exception) and isinstance(started, App):
                print(started.tail(), file=sys.stderr)
        if self.mongo:
            self.mongo.stop()
        self._temporary.cleanup()

    def database(self) -> str:
        """The address of a database that nobody has used."""
        assert self.mongo is not None
        return new_database(self.mongo.uri)

    def copy(self) -> str:
        """The address of a database with the same team in it, and the same indexes."""
        uri = self.database()
        with pymongo.MongoClient(self.uri) as client:
            ours, theirs = client.get_default_database(), client[urlsplit(uri).path[1:]]
            for name in ours.list_collection_names():
                ours[name].aggregate([{"$out": {"db": theirs.name, "coll": name}}])
                indexes = [dict(index) for index in ours[name].list_indexes()]
                theirs.command("createIndexes", name, indexes=indexes)
        return uri

    def app(self, with_redis: bool = True, uri: str = "", **wanted: str) -> App:
        """A new app process; ended with the stage, or earlier by `app.stop()`."""
        env: dict[str, Any] = {"MONGODB_URI": uri or self.uri, "WEB_CONCURRENCY": "1", **wanted}
        if with_redis:
            valkey = start_valkey(self.folder / f"redis-{len(self._started)}")
            self._started.append(valkey)
            env["REDIS_URL"] = valkey.url
        else:
            env["DISABLE_REDIS"] = "true"
        app = App(self.folder, **env)
        self._started.append(app)
        return app.start()

    def floor(self, kind: type[App], **wanted: str) -> App:
        """An app that is not the product; it has no database."""
        app = kind(self.folder, **wanted)
        self._started.append(app)
        return app.start()

    def processes(self, app: App) -> dict[str, psutil.Process]:
        """What to watch while this app works."""
        assert self.mongo is not None
        assert self.mongo.process is not None
        found = {"worker": app.worker, "mongod": psutil.Process(self.mongo.process.pid)}
        if valkey := self.valkey(app):
            assert valkey.process is not None
            found["valkey"] = psutil.Process(valkey.process.pid)
        return found

    def valkey(self, app: App) -> Redis | None:
        """The Redis of this app, if it has one."""
        servers = (started for started in self._started if isinstance(started, Redis))
        return next((one for one in servers if one.url == app.env.get("REDIS_URL")), None)
