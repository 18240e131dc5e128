"""Two app processes and three people who check every answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import requests

from tests.faults.test_app_killed import all_messages
from tests.realtime.conftest import together
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.tabs import Tab
from tests.support.waiting import eventually

PRESENCE_LEASE = "6"
PAGES = ("/channels", "/settings", "/api/users", "/api/users/online", "/api/channels", "/api/emoji")


class Team:
    """Alice at the first process, Bob at the second, both with a tab open, in one channel."""

    def __init__(self, apps: list[AppProcess]) -> None:
        self.apps = apps
        first, second = apps
        self.alice = Person(first.url, "alice").set_up()
        invite = self.alice.invite()
        self.bob = Person(second.url, "bob").register(invite)
        self.carol = Person(first.url, "carol").register(invite)
        self.room = together(self.alice, self.bob, self.carol)
        self.channel: str = self.room["id"]
        self.slug: str = self.room["slug"]
        self.quiet = together(self.alice, self.bob)["id"]  # read, but seldom written to
        self.bad: list[str] = []  # answers that nobody should ever get
        self.acknowledged: list[str] = []
        self.here, self.there = self.alice.tab(), self.bob.tab()
        self.alice.post("/api/directs", {"users": [self.bob.id]})

    # What they do

    def say(self, text: str) -> None:
        """Everybody posts by HTTP, and must be acknowledged at the first try."""
        for person in (self.alice, self.bob):
            self.post(person, f"{text}, says {person.nickname}")

    def post(self, person: Person, text: str, client_id: str = "") -> bool:
        """Whether it was acknowledged. Whatever is no plain answer is complained about."""
        client_id = client_id or uuid4().hex
        body = {"text": text, "client_id": client_id}
        answer = person.post(f"/api/channels/{self.channel}/messages", body)
        ok = answer.status_code in (200, 201)
        if ok:
            self.acknowledged.append(client_id)
        else:
            self.bad.append(f"post: {answer.status_code} {answer.text[:300]}")
        return ok

    def use_everything(self) -> bool:
        """A bit of all there is, by everybody; what they read must be up to date."""
        for person in (self.alice, self.bob):
            sent = person.say(self.room, f"hi 🎉 {uuid4().hex}")
            self.acknowledged.append(sent["client_id"])
            text = f"hello 🎉 {uuid4().hex}"
            edited = person.patch(f"/api/messages/{sent['id']}", {"text": text})
            self._note(edited)
            for reader in (self.alice, self.bob):
                found = self._get(reader, f"/api/channels/{self.channel}/messages")["messages"]
                shown = next((m["text"] for m in found if m["id"] == sent["id"]), None)
                if shown != text:
                    self.bad.append(f"stale: {shown!r} instead of {text!r}")
            self._note(person.post(f"/api/channels/{self.channel}/read", {"seq": sent["seq"]}))
            self._note(person.patch("/api/me", {"status": uuid4().hex[:8]}))
            for path in (*PAGES, f"/channels/{self.slug}", f"/api/channels/{self.channel}/users"):
                self._note(person.get(path))
        return False

    def whisper(self) -> str:
        """Say something where nobody else talks."""
        text = f"whispered {uuid4().hex}"
        body = {"text": text, "client_id": uuid4().hex}
        self._note(self.alice.post(f"/api/channels/{self.quiet}/messages", body))
        return text

    def all_heard(self, text: str) -> None:
        """Both are shown it as the newest there. Nothing is written, which might mend a cache."""
        for person in (self.alice, self.bob):
            newest = self._get(person, f"/api/channels/{self.quiet}/messages")["messages"][-1]
            assert newest["text"] == text, f"stale: {newest['text']!r} instead of {text!r}"

    def _get(self, person: Person, path: str) -> Any:
        answer = person.get(path)
        self._note(answer)
        return answer.json()

    def _note(self, answer: requests.Response) -> None:
        if not answer.ok or answer.url.endswith("/login"):
            self.bad.append(f"{answer.request.method} {answer.url}: {answer.status_code}")

    # How they find it

    def status(self) -> list[str]:
        """What each process says of Redis."""
        answers = [requests.get(f"{app.url}/health/redis", timeout=10) for app in self.apps]
        return [answer.json()["status"] for answer in answers]

    def back_to_normal(self) -> float:
        """Waits until both processes trust Redis again, and hear each other; how long it took."""
        began = time.monotonic()
        eventually(lambda: self.status() == ["up", "up"])
        self._is_heard(self.alice, self.here, self.there)
        self._is_heard(self.bob, self.there, self.here)
        self.here.sees_online(self.bob.id)
        self.there.sees_online(self.alice.id)
        return time.monotonic() - began

    def _is_heard(self, person: Person, tab: Tab, other: Tab) -> None:
        """Posts until the tab at the other process hears it; the lines open in their own time."""

        def said_and_heard() -> bool:
            text = uuid4().hex
            assert self.post(person, text), self.bad
            try:
                eventually(lambda: text in other.texts(), seconds=0.5)
            except AssertionError:
                return False
            return True

        assert tab.connected
        assert other.connected
        eventually(said_and_heard)

    def nothing_lost(self) -> None:
        """Nobody had to complain, was logged out or cut off; each message is stored once."""
        assert not self.bad
        for person in (self.alice, self.bob, self.carol):
            me = person.get("/api/me")
            assert me.status_code == 200
            assert me.json()["nickname"] == person.nickname
        assert self.here.connected
        assert self.there.connected
        stored = self.messages()
        ids = [message["client_id"] for message in stored]
        assert set(self.acknowledged) <= set(ids)
        assert len(ids) == len(set(ids))
        assert [message["seq"] for message in stored] == list(range(1, len(stored) + 1))

    def messages(self) -> list[dict[str, Any]]:
        """All that is stored in their channel."""
        return all_messages(self.alice, self.channel)

    def nothing_was_wrong(self) -> None:
        """No process took the trouble for a mistake of its own."""
        for app in self.apps:
            assert " ERROR " not in app.log.read_text(encoding="utf-8"), app.tail()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Everybody goes on using everything meanwhile."""
        done = Event()

        def work(person: Person) -> None:
            mine = person.again()
            while not done.is_set():
                self.post(mine, f"busy {uuid4().hex}")
                self._note(mine.get(f"/channels/{self.slug}"))
            mine.close()

        threads = [Thread(target=work, args=(person,)) for person in (self.alice, self.bob)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join(60)

    def close(self) -> None:
        for person in (self.alice, self.bob, self.carol):
            person.close()


@contextmanager
def seated(folder: Path, mongodb_uri: str, **env: str) -> Iterator[Team]:
    """A team at two processes with these settings."""
    launcher = Launcher(folder, mongodb_uri)
    try:
        first = launcher(PRESENCE_LEASE=PRESENCE_LEASE, **env)
        second = launcher(beside=first, PRESENCE_LEASE=PRESENCE_LEASE, **env)
        team = Team([first, second])
        try:
            yield team
        finally:
            team.close()
    finally:
        launcher.close()
        for app in launcher.launched:
            print(app.tail())  # for the report of a failure
