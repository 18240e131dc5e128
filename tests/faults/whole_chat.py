"""One process with its own Redis, and two people who use every feature."""

import json
from typing import Any
from uuid import uuid4

import requests

from chat.redis_schema.keys import STRUCTURES
from tests.faults.garbage import DECLARED, keys_of
from tests.support.people import Person
from tests.support.processes import AppProcess, Launcher
from tests.support.tabs import Tab

BROKEN = '{"broken'
NUMBERS = ("v:{cache:users:online}", "{presence}:seq")
# What changes from look to look without anybody being wrong.
FLEETING = ("last_active", "unread", "last_read_seq")


class Chat:
    """One process with a Redis of its own, and two people who use all there is."""

    def __init__(self, launch_app: Launcher) -> None:
        self.app: AppProcess = launch_app(PRESENCE_LEASE="3")
        self.redis = launch_app.redis[-1]
        self.client = self.redis.client()
        self.alice = Person(self.app.url, "alice").set_up()
        self.bob = Person(self.app.url, "bob").register(self.alice.invite())
        self.room = self.alice.new_channel()
        self.direct = self.alice.post("/api/directs", {"users": [self.bob.id]}).json()
        assert self.bob.post(f"/api/channels/{self.room['id']}/join").ok
        self.tabs = [person.tab() for person in (self.alice, self.bob)]

    # What can be asked, and what can be done

    def paths(self) -> list[str]:
        messages = [f"/api/channels/{c['id']}/messages" for c in (self.room, self.direct)]
        of_room = [f"/api/channels/{self.room['id']}", f"/api/channels/{self.room['id']}/users"]
        of_people = ["/api/me", "/api/users", f"/api/users/{self.bob.id}", "/api/users/online"]
        around = f"{messages[0]}/around?seq=1"
        return [*messages, around, *of_room, *of_people, "/api/channels", "/api/emoji"]

    def pages(self) -> list[str]:
        of_room = [f"/channels/{self.room['slug']}{rest}" for rest in ("", "/m/1", "/settings")]
        return [*of_room, "/channels", "/dm/bob", "/settings", "/admin", "/admin/status", "/dm"]

    def answers(self) -> dict[str, Any]:
        """Everything that both of them are told, without what changes by itself."""
        found = {}
        for person in (self.alice, self.bob):
            for path in self.paths():
                answer = person.get(path)
                assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
                found[f"{person.nickname} {path}"] = _lasting(answer.json())
        for path in self.pages():
            page = self.alice.get(path)
            assert page.status_code == 200, f"{path}: {page.status_code}"
            assert not page.url.endswith("/login"), path
        return found

    def do_everything(self, sign: str = "🎉") -> None:
        """Each change and each socket event; what was changed is read at once."""
        path = f"/api/channels/{self.room['id']}/messages"
        for person, tab in zip((self.alice, self.bob), self.tabs, strict=True):
            sent = person.say(self.room, f"{sign} {uuid4().hex}")
            text = f"{sign} {uuid4().hex}"
            assert person.patch(f"/api/messages/{sent['id']}", {"text": text}).ok
            assert person.get(path).json()["messages"][-1]["text"] == text
            asked = tab.post(self.room["id"], text)
            assert asked["ok"], asked
            self._by_socket(tab, asked["message"], path)
            assert person.delete(f"/api/messages/{sent['id']}").status_code == 204
            gone = person.get(path).json()["messages"][-2]
            assert gone["deleted"]
            seq = asked["message"]["seq"]
            assert person.post(f"/api/channels/{self.room['id']}/read", {"seq": seq}).ok
            status = uuid4().hex[:8]
            assert person.patch("/api/me", {"status": status}).ok
            assert self.alice.get(f"/api/users/{person.id}").json()["status"] == status
        self._come_and_go()

    def _by_socket(self, tab: Tab, message: dict[str, Any], path: str) -> None:
        room = self.room["id"]
        text = uuid4().hex
        for event, data in (
            ("message:edit", {"id": message["id"], "text": text}),
            ("channel:open", {"channel": room, "after": 0}),
            ("channel:read", {"channel": room, "seq": message["seq"]}),
            ("typing", {"channel": room}),
            ("presence:ping", {}),
        ):
            answer = tab.ask(event, **data)
            assert answer["ok"], (event, answer)
        assert self.bob.get(path).json()["messages"][-1]["text"] == text

    def _come_and_go(self) -> None:
        """Memberships and channels, a form, and somebody who logs in and out."""
        for verb, count in (("leave", 1), ("join", 2)):
            assert self.bob.post(f"/api/channels/{self.room['id']}/{verb}").status_code == 204
            people = self.alice.get(f"/api/channels/{self.room['id']}/users").json()["users"]
            assert len(people) == count
        made = self.alice.new_channel()
        names = [c["id"] for c in self.bob.get("/api/channels").json()["channels"]]
        assert made["id"] in names
        again = self.bob.again()
        assert again.get("/api/me").json()["nickname"] == "bob"
        again.logout()
        assert again.get("/api/me").status_code == 401

    # What is in Redis

    def names(self, pattern: str) -> list[str]:
        """The keys of a family, there already or to be."""
        return keys_of(self.client, pattern)

    def plant(self, patterns: list[str]) -> dict[str, str]:
        """Put another type than the declared one there; what was planted, with its type."""
        planted = {}
        for pattern in patterns:
            for name in self.names(pattern):
                self.client.delete(name)
                if DECLARED[pattern] == "list":
                    self.client.set(name, "poison")
                else:
                    self.client.rpush(name, "poison")
                planted[name] = DECLARED[pattern]
        return planted

    def plant_number(self, number: str) -> None:
        """Put it wherever there is a number."""
        for name in (*NUMBERS, *self.names("limit:*")):
            self.client.set(name, number)
        for who in self.client.hkeys("{presence}:count"):
            self.client.hset("{presence}:count", who, number)

    def numbers(self) -> list[str | None]:
        found = [self.client.get(name) for name in (*NUMBERS, *self.names("limit:*"))]
        return [*found, *self.client.hvals("{presence}:count")]

    def spoil(self) -> int:
        """Cut every value in strings, hashes and lists of cached data short; how many."""
        count = 0
        for structure in STRUCTURES:
            for name in self.client.keys(structure.name):
                count += self._spoil(name, structure.type)
        return count

    def _spoil(self, name: str, kind: str) -> int:
        if kind == "string":
            self.client.set(name, BROKEN, keepttl=True)
        elif kind == "hash":
            for field in self.client.hkeys(name):
                self.client.hset(name, field, BROKEN)
        elif kind == "list":
            for at in range(self.client.llen(name)):
                self.client.lset(name, at, BROKEN)
        return int(kind in ("string", "hash", "list"))

    def used_emoji(self) -> int:
        return sum(each["count"] for each in self.alice.get("/api/emoji").json()["emoji"])

    def status(self) -> str:
        return str(requests.get(f"{self.app.url}/health/redis", timeout=10).json()["status"])

    def is_warm(self) -> bool:
        answers = [self.alice.get(path) for path in self.paths()]
        return self.status() == "up" and answers[0].headers["X-Cache"] == "hit"

    def close(self) -> None:
        self.alice.close()
        self.bob.close()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(each) for key, each in value.items() if key not in FLEETING}
    if isinstance(value, list):
        return sorted((_lasting(each) for each in value), key=json.dumps)
    return value
