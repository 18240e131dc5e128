"""A person who posts and edits at one process, reads at both, and checks every answer."""

import contextlib
import random
import threading
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import requests
import socketio.exceptions

from tests.faults.harness.tally import Tally
from tests.support.people import Person
from tests.support.tabs import Tab

AGAIN = 0.2  # seconds before an unacknowledged post is sent again
PATIENCE = 5  # seconds for an acknowledgement over a socket
PAUSE = 0.4  # seconds people think, half as long or half as long again
EDIT_EVERY, LOOK_EVERY = 3, 4
PAGES = ("/api/channels", "/api/users", "/api/users/online", "/api/emoji", "/api/me", "/settings")
AWAY = ("unauthenticated", "forbidden")  # what a socket is told that is logged out


class Author(threading.Thread):
    """Sends by HTTP or over a socket, again with the same client id until acknowledged."""

    def __init__(
        self,
        person: Person,
        away: str,
        channel: dict[str, Any],
        tally: Tally,
        socket: bool,
        pause: float,
    ) -> None:
        super().__init__(daemon=True)
        self.person, self.away, self.channel, self.tally = person, away, channel, tally
        self.socket, self.pause = socket, pause
        self.tab: Tab | None = None
        self.done = threading.Event()
        self.rounds = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self.done.is_set():
                self.rounds += 1
                self._round()
                sleep(self.pause * random.uniform(0.5, 1.5))
        except Exception as error:  # shown by the trial
            self.failure = error

    def stop(self) -> None:
        """After the round under way, which ends with an acknowledgement."""
        self.done.set()

    def _round(self) -> None:
        message = self._post(f"{self.person.nickname} says {uuid4().hex[:8]} 🎉")
        for url in (self.away, self.person.url):
            self._look(url, message)
        if self.rounds % EDIT_EVERY == 0:
            message = self._edit(message, f"{message['text']} (edited)")
            for url in (self.away, self.person.url):
                self._look(url, message)
        if self.rounds % LOOK_EVERY == 0:
            self._look_round()

    # Writing, until it is acknowledged

    def _post(self, text: str) -> dict[str, Any]:
        client_id = uuid4().hex
        self.tally.sending()
        message = self._until_done(lambda: self._post_once(text, client_id))
        self.tally.stored(client_id, text, message["seq"])
        return message

    def _edit(self, message: dict[str, Any], text: str) -> dict[str, Any]:
        edited = self._until_done(lambda: self._edit_once(message["id"], text))
        self.tally.acknowledged[message["client_id"]] = text
        return edited

    def _until_done(self, once: Any) -> dict[str, Any]:
        while (message := once()) is None:
            sleep(AGAIN)
        return message

    def _post_once(self, text: str, client_id: str) -> dict[str, Any] | None:
        if self.socket:
            data = {"channel": self.channel["id"], "text": text, "client_id": client_id}
            return self._ask("message:post", data)
        body = {"text": text, "client_id": client_id}
        return self._http("POST", f"/api/channels/{self.channel['id']}/messages", json=body)

    def _edit_once(self, id: str, text: str) -> dict[str, Any] | None:
        if self.socket:
            return self._ask("message:edit", {"id": id, "text": text})
        return self._http("PATCH", f"/api/messages/{id}", json={"text": text})

    def _ask(self, event: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """The message out of the acknowledgement, or None if there is none."""
        try:
            tab = self._connected()
            began = monotonic()
            with self.tally.timed(event, self.person.url):
                answer = _ask(tab, event, data)
        except (socketio.exceptions.SocketIOError, requests.RequestException, OSError) as error:
            self._broken(error)
            return None
        if answer.get("ok"):
            return dict(answer["message"])
        name = answer.get("error")
        code = 401 if name in AWAY else 503 if name in ("server", "unavailable", "busy") else 400
        self.tally.status(code, f"{event} ({name})", took=monotonic() - began)
        return None

    def _connected(self) -> Tab:
        """The tab; another one if its connection has ended, as the browser does it."""
        if self.tab is None or not self.tab.connected:
            self.tab = None
            self.tab = Tab(self.person.url, self.person.cookie, self.person.csrf)
        return self.tab

    def _broken(self, error: Exception) -> None:
        self.tally.unanswered += 1
        if any(name in str(error) for name in AWAY):
            self.tally.logouts.append(f"socket: {error}")

    # Reading

    def _look(self, url: str, message: dict[str, Any]) -> None:
        """Read the channel: what was acknowledged before must be there, as it was said last."""
        floor, began = self.tally.newest(), monotonic()
        page = self._http("GET", f"/api/channels/{self.channel['id']}/messages?limit=50", url)
        if page is None:
            return
        found = page["messages"]
        at = "the other process" if url == self.away else "the same process"
        when = f"read {monotonic() - began:.3f} s long at {at} in {self.tally.phase}"
        newest = found[-1]["seq"] if found else 0
        if newest < floor:
            self.tally.stale.append(f"{newest} is the newest instead of {floor}, {when}")
        shown = {m["id"]: m["text"] for m in found}
        passed = found and found[0]["seq"] > message["seq"]
        if not passed and shown.get(message["id"]) != message["text"]:
            text = shown.get(message["id"])
            self.tally.stale.append(f"{text!r} instead of {message['text']!r}, {when}")

    def _look_round(self) -> None:
        """A bit of everything else, in turn at both processes."""
        for number, path in enumerate((*PAGES, f"/channels/{self.channel['slug']}")):
            url = self.away if (number + self.rounds // LOOK_EVERY) % 2 else self.person.url
            floor = self.tally.newest()
            answer = self._http("GET", path, url)
            if path == "/api/channels" and answer is not None:
                self._check_last_seq(answer["channels"], floor)
            if path == "/api/me" and answer is not None:
                self._check_me(answer)

    def _check_last_seq(self, channels: list[dict[str, Any]], floor: int) -> None:
        mine = next((c for c in channels if c["id"] == self.channel["id"]), None)
        if mine is None or mine["last_seq"] < floor:
            said = mine and mine["last_seq"]
            self.tally.stale.append(f"/api/channels: last_seq {said} instead of {floor}")

    def _check_me(self, me: dict[str, Any]) -> None:
        if me["nickname"] != self.person.nickname:
            self.tally.stale.append(f"{self.person.nickname} is taken for {me['nickname']}")

    def _http(self, method: str, path: str, url: str = "", json: Any = None) -> Any:
        """The JSON of a success ({} for a page); None for anything else, which is noted."""
        what = f"{method} {path.replace(self.channel['id'], '…')}"
        url = url or self.person.url
        headers = {"X-CSRFToken": self.person.csrf} if method != "GET" else {}
        began = monotonic()
        try:
            with self.tally.timed(what, url):
                answer = self.person.session.request(
                    method, url + path, json=json, headers=headers, timeout=60
                )
        except requests.RequestException:
            self.tally.unanswered += 1
            return None
        gone = answer.url.split("?")[0].endswith("/login")
        if not answer.ok or gone:
            self.tally.status(answer.status_code, what, gone, monotonic() - began)
            return None
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else {}

    def close(self) -> None:
        with contextlib.suppress(Exception):
            if self.tab:
                self.tab.close()
        self.person.session.close()


def _ask(tab: Tab, event: str, data: dict[str, Any]) -> dict[str, Any]:
    """The acknowledgement; TimeoutError as soon as the connection is gone, or after PATIENCE."""
    answers: list[dict[str, Any]] = []
    come = threading.Event()

    def answered(answer: dict[str, Any]) -> None:
        answers.append(answer)
        come.set()

    tab.socket.emit(event, data, callback=answered)
    deadline = monotonic() + PATIENCE
    while not come.wait(0.05):
        if not tab.connected or monotonic() > deadline:
            raise TimeoutError(event)
    return answers[0]
