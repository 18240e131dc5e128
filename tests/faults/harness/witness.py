"""A quiet channel that is changed once, during the fault, and read all the time.

In a busy channel the next write corrects a wrong cache. Here there is no next write.
"""

import threading
from time import sleep
from typing import Any
from uuid import uuid4

import requests

from tests.faults.harness.tally import Tally
from tests.support.people import Person

CHANGE_EVERY, LOOK_EVERY = 0.3, 0.03


class Witness(threading.Thread):
    """Reads one message and one status at every process; both change while ``changing`` is set."""

    def __init__(self, person: Person, urls: list[str], tally: Tally) -> None:
        super().__init__(daemon=True)
        self.person, self.urls, self.tally = person, urls, tally
        channel = person.new_channel()
        self.message = person.say(channel, "quiet")
        self.history = f"/api/channels/{channel['id']}/messages"
        self.texts = {"text": "quiet", "status": ""}
        self.changing, self.done = threading.Event(), threading.Event()
        self.changer = threading.Thread(target=self._change_all, daemon=True)

    def start(self) -> None:
        super().start()
        self.changer.start()

    def is_there(self) -> bool:
        """Whether it still looks, and changes things: an answer it cannot read ends it."""
        return self.is_alive() and self.changer.is_alive()

    def stop(self) -> None:
        self.done.set()
        self.changing.set()  # whoever waits for it
        self.join(60)
        self.changer.join(60)

    def _change_all(self) -> None:
        while self.changing.wait() and not self.done.is_set():
            self._change("text", f"/api/messages/{self.message['id']}")
            self._change("status", "/api/me")
            sleep(CHANGE_EVERY)

    def _change(self, name: str, path: str) -> None:
        """While it is under way either value is right."""
        new = uuid4().hex[:8]
        old, self.texts[name] = self.texts[name], ""
        while not self._patched(path, {name: new}):
            if self.done.wait(CHANGE_EVERY):
                return
        self.texts[name] = new
        self.tally.changes += old != new

    def _patched(self, path: str, body: dict[str, str]) -> bool:
        headers = {"X-CSRFToken": self.person.csrf}
        try:
            return requests.patch(self.urls[0] + path, json=body, headers=headers,
                                  cookies=self.person.session.cookies, timeout=10).ok  # fmt: skip
        except requests.RequestException:
            return False

    def run(self) -> None:
        while not self.done.wait(LOOK_EVERY):
            for url in self.urls:
                self._look(url, "text", self.history)
                self._look(url, "status", f"/api/users/{self.person.id}")

    def _look(self, url: str, name: str, path: str) -> None:
        expected = self.texts[name]
        try:
            answer = self.person.session.get(url + path, timeout=10)
        except requests.RequestException:
            return
        if not answer.ok or not expected or self.texts[name] != expected:
            return
        found: Any = answer.json()
        shown = found["messages"][-1]["text"] if name == "text" else found["status"]
        if shown != expected:
            self.tally.stale.append(f"{shown!r} instead of {expected!r} as {name} in the corner, "
                                    f"in {self.tally.phase}")  # fmt: skip
