"""A tab that receives events over a socket, and a bare connection for malicious ones."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import requests
import socketio
import websocket

from tests.support.waiting import SECONDS, eventually

# The sweep looks at each socket once in 50 s: what is cut sooner was told so.
UNSWEPT_SECONDS = 30


def cookie_of(session: requests.Session) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


class Tab:
    """One Socket.IO connection, and what it has heard. A refusal raises ``ConnectionError``."""

    def __init__(self, url: str, cookie: str, csrf: str) -> None:
        self.events: list[tuple[str, Any]] = []
        self.listed: set[str] = set()
        self._list = partial(
            requests.get, f"{url}/api/users/online", headers={"Cookie": cookie}, timeout=SECONDS
        )
        self.socket = socketio.Client(reconnection=False)
        self.socket.on("*", lambda name, data=None: self.events.append((name, data)))
        self.socket.connect(
            url,
            headers={"Cookie": cookie},  # the client names the origin itself
            auth={"csrf": csrf},
            transports=["websocket"],
            wait_timeout=SECONDS,
        )

    def greeted(self) -> "Tab":
        """Waits until it has been told that it is heard, and asks who is online."""
        eventually(self.greeting)
        self.listed = set(self._list().json()["users"])
        return self

    def greeting(self) -> dict[str, Any]:
        """What it was told for itself about who is online; others' comings may be told before."""
        said = (data for data in self.heard("presence") if data.get("greeting"))
        return next(said, {})

    def ask(self, event: str, **data: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.socket.call(event, data, timeout=SECONDS)
        return answer

    def ask_at_once(self, event: str, payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send them all without waiting; the answers in the order in which they came."""
        answers: list[dict[str, Any]] = []
        for data in payloads:
            self.socket.emit(event, data, callback=answers.append)
        eventually(lambda: len(answers) == len(payloads))
        return answers

    def post(self, channel: str, text: str, client_id: str | None = None) -> dict[str, Any]:
        client_id = client_id or uuid4().hex
        return self.ask("message:post", channel=channel, text=text, client_id=client_id)

    def heard(self, name: str) -> list[Any]:
        return [data for event, data in list(self.events) if event == name]

    def texts(self) -> list[str]:
        return [data["message"]["text"] for data in self.heard("message:new")]

    def hears(self, text: str) -> None:
        """Waits for a message with this text."""
        eventually(lambda: text in self.texts())

    def online(self) -> set[str]:
        """Who is online by the list and all that this tab was told."""
        people = set(self.listed)
        for change in self.heard("presence"):
            people |= set(change["online"])
            people -= set(change["offline"])
        return people

    def sees_online(self, *ids: str) -> None:
        eventually(lambda: set(ids) <= self.online())

    def sees_offline(self, *ids: str) -> None:
        eventually(lambda: not set(ids) & self.online())

    @property
    def connected(self) -> bool:
        return self.socket.connected

    def is_cut(self) -> None:
        """Waits until the server has ended the connection, and not as long as the sweep takes."""
        eventually(lambda: not self.connected, seconds=UNSWEPT_SECONDS)

    def close(self) -> None:
        if self.socket.connected:
            self.socket.disconnect()


def bare_line(
    url: str, cookie: str, origin: str | None = None, headers: Sequence[str] = ()
) -> websocket.WebSocket:
    """A WebSocket whose engine.io handshake is done."""
    line = websocket.create_connection(
        f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket",
        header=[f"Cookie: {cookie}", *headers],
        origin=origin or url,
        timeout=SECONDS,
    )
    assert line.recv().startswith("0")
    return line
