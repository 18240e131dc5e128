"""A person with a browser, at the level of HTTP: cookies, forms, the JSON API and sockets."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import requests
import socketio
import websocket

from tests.support.tabs import Tab, bare_line, cookie_of
from tests.support.waiting import SECONDS

PASSWORD = "correct horse battery staple"
NOBODY = "0123456789abcdef01234567"  # an id that belongs to nothing
CSRF = re.compile(r'<meta name="csrf-token" content="([^"]*)"')
USER_ID = re.compile(r'<body[^>]* data-user-id="([^"]*)"')
REMEMBERED = "the token of the last page"


class Person:
    """One browser's session. ``csrf`` and ``id`` are what the last page said."""

    def __init__(self, url: str, nickname: str = "", password: str = PASSWORD) -> None:
        self.url = url
        self.nickname = nickname or f"person-{uuid4().hex[:8]}"
        self.password = password
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy, and no look for one at each call
        self.csrf = self.id = ""
        self.tabs: list[Tab] = []

    # Coming in

    def set_up(self, site_name: str = "Test", token: str = "") -> "Person":
        """Make the first account of an installation; in production with its ``setup_token``."""
        return self._enter("/setup", site_name=site_name, token=token)

    def register(self, invite: str = "") -> "Person":
        return self._enter("/register", invite=invite)

    def login(self) -> "Person":
        return self._enter("/login")

    def logout(self) -> None:
        assert self.post_form("/logout").status_code == 303
        self.csrf = ""

    def again(self, url: str = "") -> "Person":
        """The same person in another browser, at another process if need be."""
        return Person(url or self.url, self.nickname, self.password).login()

    def at(self, url: str) -> "Person":
        """This very browser, at another process."""
        there = Person(url, self.nickname, self.password)
        there.session.cookies.update(self.session.cookies)
        there.id, there.csrf = self.id, self.csrf
        return there

    def _enter(self, path: str, **fields: str) -> "Person":
        self.get(path)
        fields |= {"nickname": self.nickname, "password": self.password}
        answer = self.post_form(path, **fields)
        assert answer.status_code == 303, f"{path}: {answer.status_code}\n{answer.text[:2000]}"
        self._token()
        assert self.id, "the page does not know who came in"
        return self

    # Pages and forms

    def get(self, path: str, **options: Any) -> requests.Response:
        """A page, or a call of the API; what a page says about its reader is remembered."""
        answer = self.session.get(self.url + path, timeout=SECONDS, **options)
        if "html" in answer.headers.get("Content-Type", ""):
            csrf, user_id = CSRF.search(answer.text), USER_ID.search(answer.text)
            self.csrf = csrf[1] if csrf else self.csrf
            self.id = user_id[1] if user_id else self.id
        return answer

    def post_form(self, path: str, csrf_token: str | None = None, **fields: Any) -> Any:
        """Send a form as a browser does; the answer itself, redirects are not followed."""
        if csrf_token is None:
            csrf_token = self.csrf or self._token()
        data = {**fields, "csrf_token": csrf_token}
        return self.session.post(self.url + path, data=data, timeout=SECONDS, allow_redirects=False)

    def _token(self) -> str:
        self.get("/settings")
        return self.csrf

    # The JSON API

    def api(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str = "",
        csrf: str | None = REMEMBERED,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        """One call, a change with the CSRF token unless another, or None, is given."""
        sent = dict(headers or {})
        token = self.csrf if csrf is REMEMBERED else csrf
        if method != "GET" and token is not None:
            sent["X-CSRFToken"] = token
        if raw is not None:
            sent["Content-Type"] = content_type
        return self.session.request(
            method, self.url + path, json=json, data=raw, headers=sent, timeout=SECONDS, **options
        )

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self.api("POST", path, json, **options)

    def patch(self, path: str, json: Any) -> requests.Response:
        return self.api("PATCH", path, json)

    def delete(self, path: str) -> requests.Response:
        return self.api("DELETE", path)

    @contextmanager
    def sends_slowly(self, method: str, path: str, body: str) -> Iterator[Callable[[], str]]:
        """A call whose body comes in two halves; what is given sends the second, and returns the
        answer's first line."""
        host, port = self.url.removeprefix("http://").split(":")
        data = body.encode()
        head = [
            f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close",
            f"Cookie: {cookie_of(self.session)}", f"X-CSRFToken: {self.csrf}",
            "Content-Type: application/json", f"Content-Length: {len(data)}", "", "",
        ]  # fmt: skip
        with socket.create_connection((host, int(port)), timeout=SECONDS) as line:
            line.sendall("\r\n".join(head).encode() + data[: len(data) // 2])

            def rest() -> str:
                line.sendall(data[len(data) // 2 :])
                return line.makefile("rb").readline().decode()

            yield rest

    # What tests need again and again

    def invite(self) -> str:
        """A code that lets others in; admins only."""
        made = self.post("/api/invites")
        assert made.status_code == 201, made.text
        return str(made.json()["code"])

    def give_role(self, person: "Person", role: str) -> None:
        """By the page that admins use."""
        answer = self.post_form(f"/admin/people/{person.id}/role", role=role)
        assert answer.status_code == 303, answer.text[:2000]

    def new_token(self, name: str = "a bot") -> dict[str, Any]:
        """A token for a program of this person: {id, name, token}."""
        made = self.post("/api/tokens", {"name": name, "password": self.password})
        assert made.status_code == 201, made.text
        return dict(made.json())

    def new_channel(self, kind: str = "public") -> dict[str, Any]:
        made = self.post("/api/channels", {"name": f"room {uuid4().hex[:8]}", "kind": kind})
        assert made.status_code == 201, made.text
        return dict(made.json())

    def say(self, channel: dict[str, Any], text: str) -> dict[str, Any]:
        """Post a message; the stored one."""
        made = self.post(f"/api/channels/{channel['id']}/messages", new_message(text))
        assert made.status_code == 201, made.text
        return dict(made.json())

    # Sockets

    def tab(self, url: str = "") -> Tab:
        """An open tab: connected, and greeted with who is online."""
        self.tabs.append(Tab(url or self.url, self.cookie, self.csrf))
        return self.tabs[-1].greeted()

    def socket(self) -> socketio.Client:
        """A tab's Socket.IO client, for a test that listens in its own way."""
        return self.tab().socket

    def line(self, origin: str | None = None, cookie: str | None = None) -> websocket.WebSocket:
        """A bare WebSocket, on which nobody has been let in yet."""
        return bare_line(self.url, self.cookie if cookie is None else cookie, origin)

    @property
    def cookie(self) -> str:
        return cookie_of(self.session)

    def close(self) -> None:
        for tab in self.tabs:
            tab.close()
        self.session.close()


def new_message(text: str) -> dict[str, str]:
    """What is posted, with a client id of its own."""
    return {"text": text, "client_id": uuid4().hex}
