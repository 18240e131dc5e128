"""The app is killed during 200 posts: each acknowledged one is there, once, in order."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import requests

from tests.support.people import Person

WRITERS, POSTS_EACH, KILLED_AFTER = 10, 20, 60


class Writer:
    """Posts one message after the other and remembers which were acknowledged."""

    def __init__(self, person: Person, channel: str, number: int) -> None:
        self.person, self.channel, self.number = person, channel, number
        self.acknowledged: list[str] = []

    def client_id(self, n: int) -> str:
        return f"writer-{self.number:02}-{n:04}"

    def post(self, n: int) -> bool:
        """Whether the post was acknowledged, now or earlier."""
        body = {"text": f"{self.number}:{n}", "client_id": self.client_id(n)}
        try:
            answer = self.person.post(f"/api/channels/{self.channel}/messages", body)
        except requests.RequestException:
            return False
        return answer.status_code in (200, 201)

    def post_until_dead(self, told: Callable[[], None]) -> None:
        for n in range(POSTS_EACH):
            if not self.post(n):
                return
            self.acknowledged.append(self.client_id(n))
            told()


def all_messages(person: Person, channel: str) -> list[dict[str, Any]]:
    """The whole history, oldest first."""
    found: list[dict[str, Any]] = []
    more, before = True, ""
    while more:
        page = person.get(f"/api/channels/{channel}/messages?limit=100{before}").json()
        found = page["messages"] + found
        more, before = page["more"], f"&before={page['messages'][0]['seq']}"
    return found


def kill_in_the_middle(app: Any, writers: list[Writer]) -> None:
    """Let everybody write at once, and kill -9 the app after KILLED_AFTER acknowledgements."""
    count, enough = [0], Event()

    def told() -> None:
        count[0] += 1
        if count[0] >= KILLED_AFTER:
            enough.set()

    threads = [Thread(target=writer.post_until_dead, args=(told,)) for writer in writers]
    for thread in threads:
        thread.start()
    assert enough.wait(60), "the app did not take that many posts"
    app.kill()
    for thread in threads:
        thread.join(60)


def test_what_was_acknowledged_before_a_crash_is_there_once_and_in_order(launch_app):
    app = launch_app()
    owner = Person(app.url, "owner").set_up()
    channel = owner.get("/api/channels").json()["channels"][0]["id"]
    writers = [Writer(owner.again(), channel, n) for n in range(WRITERS)]

    kill_in_the_middle(app, writers)
    acknowledged = [client_id for writer in writers for client_id in writer.acknowledged]
    assert KILLED_AFTER <= len(acknowledged) < WRITERS * POSTS_EACH
    app.start()

    stored = [message["client_id"] for message in all_messages(owner, channel)]
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))

    # What the writers could not know about they send again, as the browser's outbox does.
    for writer in writers:
        assert all(writer.post(n) for n in range(POSTS_EACH))
    messages = all_messages(owner, channel)

    assert [message["seq"] for message in messages] == list(range(1, WRITERS * POSTS_EACH + 1))
    for writer in writers:
        own = [
            m["client_id"] for m in messages if m["client_id"].startswith(writer.client_id(0)[:9])
        ]
        assert own == [writer.client_id(n) for n in range(POSTS_EACH)]
