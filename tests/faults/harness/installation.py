"""The servers and processes of one trial, and the people at them."""

import contextlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import requests

from chat.embedded.mongo import Mongo
from tests.faults.harness.author import Author
from tests.faults.harness.places import Places
from tests.faults.harness.tally import Tally
from tests.faults.harness.witness import Witness
from tests.support.people import Person
from tests.support.processes import AppProcess, Measured
from tests.support.proxy import Line
from tests.support.servers import Redis
from tests.support.tabs import Tab

SNAPSHOT = "snapshot"


class Installation:
    """A Redis of its own, a database of its own, processes, and one channel with its authors."""

    def __init__(
        self,
        folder: Path,
        mongod: Mongo,
        authors: int,
        pause: float,
        env: dict[str, str],
        servers: str,
    ) -> None:
        self.folder, self.mongod, self.pause = folder, mongod, pause
        self.places = Places(servers, folder, mongod)
        env = {"PRESENCE_LEASE": "6", **self.places.env, **env}
        self.apps = [self.places.supervised or Measured(folder, **env), Measured(folder, **env)]
        first = self.apps[0].prepare()
        # A child ends with the thread that started it, so these threads stay.
        self.starters = ThreadPoolExecutor()
        list(self.starters.map(lambda app: app.start(), self.apps))
        self.owner = Person(first.url, "owner").set_up()
        self.channel = self.owner.new_channel()
        self.tally = Tally()
        self.witness = Witness(self.owner.again(), [app.url for app in self.apps], self.tally)
        self.authors = [self._author(number) for number in range(authors)]
        self.tabs = [self._visitor(app).tab() for app in self.apps]

    @property
    def redis(self) -> Redis:
        """Where there is only one."""
        assert self.places.redis
        return self.places.redis

    @property
    def line(self) -> Line:
        assert self.places.line
        return self.places.line

    def _author(self, number: int) -> Author:
        """Every other one at the other process; half of each send over a socket."""
        home, away = self.apps[number % 2], self.apps[(number + 1) % 2]
        person = Person(home.url, f"author{number}").register(self.owner.invite())
        joined = person.post(f"/api/channels/{self.channel['id']}/join")
        assert joined.status_code == 204, joined.text
        socket = number // 2 % 2 == 1
        return Author(person, away.url, self.channel, self.tally, socket, self.pause)

    def _visitor(self, app: AppProcess) -> Person:
        person = Person(app.url, self.owner.nickname)
        person.session.cookies.update(self.owner.session.cookies)
        person.csrf, person.id = self.owner.csrf, self.owner.id
        return person

    # What can be seen from outside

    def redis_statuses(self) -> list[int]:
        """What each process says of Redis: 200, 503, or 0 if it does not answer."""
        return [status_of(f"{app.url}/health/redis") for app in self.apps]

    def ready_statuses(self) -> list[int]:
        return [status_of(f"{app.url}/health/ready") for app in self.apps]

    def is_normal(self) -> bool:
        """Every process is ready, trusts Redis, and answers reads from it again."""
        return (
            all(self._says(app) == ("ok", "up") for app in self.apps)
            and all(self._is_warm(app) for app in self.apps)
            and self._hear_each_other()
        )

    def _says(self, app: AppProcess) -> tuple[str, str]:
        with contextlib.suppress(requests.RequestException, ValueError):
            told = requests.get(f"{app.url}/health/ready", timeout=5).json()
            return told["status"], told["redis"]
        return "", ""

    def _is_warm(self, app: AppProcess) -> bool:
        """X-Cache is hit for a value that nobody changes meanwhile."""
        with contextlib.suppress(requests.RequestException):
            url = f"{app.url}/api/channels/{self.channel['id']}/users"
            answer = self.owner.session.get(url, timeout=5)
            return answer.headers.get("X-Cache") == "hit"
        return False

    def _hear_each_other(self) -> bool:
        """What is posted at one process reaches the tabs of the others by push."""
        for number, app in enumerate(self.apps):
            if not self.tabs[number].connected:
                with contextlib.suppress(Exception):
                    self.tabs[number] = self._visitor(app).tab()
                return False
        text = f"ping {uuid4().hex[:8]}"
        for number, app in enumerate(self.apps):
            if not self._say(app, f"{text} {number}"):
                return False
        expected = {f"{text} {number}" for number in range(len(self.apps))}
        deadline = monotonic() + 1
        while monotonic() < deadline:
            if all(expected <= set(tab.texts()) for tab in self.tabs):
                return True
            sleep(0.02)  # the authors' threads have things to do
        return False

    def _say(self, app: AppProcess, text: str) -> bool:
        url = f"{app.url}/api/channels/{self.channel['id']}/messages"
        body, headers = {"text": text, "client_id": uuid4().hex}, {"X-CSRFToken": self.owner.csrf}
        with contextlib.suppress(requests.RequestException):
            sent = self.owner.session.post(url, json=body, headers=headers, timeout=5)
            if sent.ok:
                self.tally.sending()
                self.tally.stored(body["client_id"], text, sent.json()["seq"])
            return bool(sent.ok)
        return False

    def words_of_trouble(self) -> dict[Tab, int]:
        """How often each tab was told by a `system` event."""
        return {
            tab: [data["mode"] for data in tab.heard("system")].count("degraded")
            for tab in self.tabs
        }

    def history(self) -> list[dict[str, Any]]:
        """All that is stored in the channel, past every cache."""
        found: list[dict[str, Any]] = []
        before, more = "", True
        while more:
            path = f"/api/channels/{self.channel['id']}/messages?limit=100{before}"
            page = self.owner.get(path).json()
            found = page["messages"] + found
            more, before = page["more"], f"&before={found[0]['seq']}" if found else ""
        return found

    # Copies of what Redis has on its disk

    def take_snapshot(self) -> None:
        self.redis.client().config_set("auto-aof-rewrite-percentage", 0)
        shutil.copytree(self.redis.data / "appendonlydir", self.folder / SNAPSHOT)

    def restart_redis_with(self, snapshot: bool) -> None:
        """After a kill: start it with what it held long ago, or with nothing."""
        kept = self.redis.data / "appendonlydir"
        shutil.rmtree(kept)
        if snapshot:
            shutil.copytree(self.folder / SNAPSHOT, kept)
        self.redis.restart()

    def log(self) -> str:
        return "\n".join(f"--- {app.log.name}\n{app.tail()}" for app in self.apps)

    def close(self) -> None:
        for tab in self.tabs:
            with contextlib.suppress(Exception):
                tab.close()
        for author in self.authors:
            author.close()
        for app in self.apps:
            app.kill()
        self.starters.shutdown()
        self.places.close()


def status_of(url: str) -> int:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.RequestException:
        return 0


@contextlib.contextmanager
def installed(folder: Path, *what: Any) -> Iterator[Installation]:
    """An ``Installation`` of these in a new folder, closed at the end."""
    folder.mkdir(parents=True)
    made = Installation(folder, *what)
    try:
        yield made
    finally:
        made.close()
