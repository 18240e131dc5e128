"""Real processes over real ports, and people who talk the real protocol to them."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
import socketio
import websocket

from chat.embedded.process import free_port

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
LIMITS = {"LIMIT_LOGIN": "1000/minute", "LIMIT_REGISTER": "1000/hour", "LIMIT_API": "6000/minute"}


def until(check: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait for a truth; the last answer, which is false when it did not come in time."""
    end = time.monotonic() + seconds
    while not (answer := check()) and time.monotonic() < end:
        time.sleep(0.02)
    return answer


class AppProcess:
    """One gunicorn with one worker on a port of its own."""

    def __init__(self, mongodb_uri: str, redis_url: str | None, **env: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(tempfile.mkstemp(prefix="chat-app-", suffix=".log")[1])
        redis = {"REDIS_URL": redis_url} if redis_url else {"DISABLE_REDIS": "true"}
        own = {"MONGODB_URI": mongodb_uri, "HOST": "127.0.0.1", "PORT": str(self.port)}
        own |= {"SECRET_KEY": "of the tests " * 4, "DATA_DIR": tempfile.mkdtemp(prefix="chat-")}
        settings = {**os.environ, **LIMITS, **own, **redis, **env}
        release = [sys.executable, "-m", "flask", "--app", "wsgi", "init-db"]
        subprocess.run(release, cwd=ROOT, env=settings, check=True, capture_output=True)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
                cwd=ROOT,
                env=settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if not until(self._answers, 40):
            raise RuntimeError(self.log.read_text()[-4000:])

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """As a crash does it: no handler runs."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> float:
        """Stop gracefully; how long that took."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)
        return time.monotonic() - started


class Person:
    """Somebody with a browser: a session, its CSRF token, and sockets."""

    def __init__(self, url: str, nickname: str, session: requests.Session) -> None:
        self.url, self.nickname, self.http = url, nickname, session
        self.csrf = token(session, f"{url}/settings")
        self.id = session.get(f"{url}/api/me").json()["id"]
        self.tabs: list[Tab] = []

    @property
    def cookie(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies)

    def api(self, method: str, path: str, **json: Any) -> requests.Response:
        headers = {"X-CSRFToken": self.csrf}
        return self.http.request(method, self.url + path, json=json or None, headers=headers)

    def log_in_again(self, url: str | None = None) -> "Person":
        """The same person in another browser."""
        return log_in(url or self.url, self.nickname)

    def log_out(self) -> None:
        self.http.post(f"{self.url}/logout", data={"csrf_token": self.csrf})

    def tab(self, url: str | None = None) -> "Tab":
        """An open tab: connected, and greeted with who is online."""
        tab = Tab(self, url or self.url)
        self.tabs.append(tab)
        assert until(lambda: [p for p in tab.heard("presence") if p.get("snapshot")])
        return tab

    def raw(self, origin: str | None = None, cookie: str | None = None) -> websocket.WebSocket:
        """A bare WebSocket whose engine.io handshake is done."""
        line = websocket.create_connection(
            f"{self.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket",
            header=[f"Cookie: {self.cookie if cookie is None else cookie}"],
            origin=origin or self.url,
            timeout=5,
        )
        assert line.recv().startswith("0")
        return line

    def make_channel(self, kind: str = "private") -> str:
        answer = self.api("POST", "/api/channels", name=f"room {uuid4().hex[:8]}", kind=kind)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def leave(self) -> None:
        for tab in self.tabs:
            tab.close()


class Tab:
    """One socket, and what it has heard."""

    def __init__(self, person: Person, url: str) -> None:
        self.events: list[tuple[str, Any]] = []
        self.socket = socketio.Client(reconnection=False)
        self.socket.on("*", lambda name, data=None: self.events.append((name, data)))
        self.socket.connect(
            url,
            headers={"Cookie": person.cookie},
            auth={"csrf": person.csrf},
            transports=["websocket"],
            wait_timeout=10,
        )

    def ask(self, event: str, **data: Any) -> dict[str, Any]:
        return self.socket.call(event, data, timeout=20)

    def post(self, channel: str, text: str, client_id: str | None = None) -> dict[str, Any]:
        client_id = client_id or uuid4().hex
        return self.ask("message:post", channel=channel, text=text, client_id=client_id)

    def heard(self, name: str) -> list[Any]:
        return [data for event, data in list(self.events) if event == name]

    def texts(self) -> list[str]:
        return [data["message"]["text"] for data in self.heard("message:new")]

    def hears(self, text: str, seconds: float = 5.0) -> bool:
        return bool(until(lambda: text in self.texts(), seconds))

    def online(self) -> set[str]:
        """Who is online by all that this tab was told."""
        people: set[str] = set()
        for change in self.heard("presence"):
            people |= set(change["online"])
            people -= set(change["offline"])
        return people

    @property
    def connected(self) -> bool:
        return self.socket.connected

    def close(self) -> None:
        if self.socket.connected:
            self.socket.disconnect()


def token(session: requests.Session, url: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]*)"', session.get(url).text)
    assert found, url
    return found[1]


def submit(session: requests.Session, url: str, **fields: str) -> None:
    fields["csrf_token"] = token(session, url)
    answer = session.post(url, data=fields, allow_redirects=False)
    assert answer.status_code == 303, (url, answer.status_code, answer.text)


def set_up(url: str) -> Person:
    """The first person of an installation."""
    session = requests.Session()
    submit(session, f"{url}/setup", site_name="Test", nickname="owner", password=PASSWORD)
    return Person(url, "owner", session)


def register(url: str, invite: str) -> Person:
    nickname, session = f"p{uuid4().hex[:10]}", requests.Session()
    fields = {"nickname": nickname, "password": PASSWORD, "invite": invite}
    submit(session, f"{url}/register", **fields)
    return Person(url, nickname, session)


def log_in(url: str, nickname: str, password: str = PASSWORD) -> Person:
    session = requests.Session()
    submit(session, f"{url}/login", nickname=nickname, password=password)
    return Person(url, nickname, session)


@contextmanager
def running(*args: Any, **env: str) -> Iterator[AppProcess]:
    app = AppProcess(*args, **env)
    try:
        yield app
    finally:
        app.stop()
