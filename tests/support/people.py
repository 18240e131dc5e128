"""Somebody with a browser, seen from the wire: cookies, forms, the JSON API and a socket."""

import re
from typing import Any
from uuid import uuid4

import requests
import socketio

PASSWORD = "correct horse battery staple"
CSRF = re.compile(r'<meta name="csrf-token" content="([^"]*)"')
SECONDS = 20


class Person:
    """One browser's session. ``csrf`` is what the last page said."""

    def __init__(self, url: str, nickname: str = "", password: str = PASSWORD) -> None:
        self.url = url
        self.nickname = nickname or f"person-{uuid4().hex[:8]}"
        self.password = password
        self.session = requests.Session()
        self.csrf = ""
        self.sockets: list[socketio.Client] = []

    @property
    def id(self) -> str:
        return str(self.api("GET", "/api/me").json()["id"])

    def get(self, path: str, **options: Any) -> requests.Response:
        """A page; its CSRF token is remembered."""
        page = self.session.get(self.url + path, timeout=SECONDS, **options)
        if found := CSRF.search(page.text):
            self.csrf = found[1]
        return page

    def post_form(
        self, path: str, csrf_token: str | None = None, **fields: str
    ) -> requests.Response:
        """Send a form as a browser does; the answer itself, redirects are not followed."""
        if csrf_token is None:
            csrf_token = self.csrf or self._token()
        data = {**fields, "csrf_token": csrf_token}
        return self.session.post(self.url + path, data=data, timeout=SECONDS, allow_redirects=False)

    def api(self, method: str, path: str, json: Any = None, **options: Any) -> requests.Response:
        """A call of the JSON API, with the token that a change needs."""
        headers = {"X-CSRFToken": self.csrf or (self._token() if method != "GET" else "")}
        return self.session.request(
            method, self.url + path, json=json, headers=headers, timeout=SECONDS, **options
        )

    def set_up(self, site_name: str = "Test") -> "Person":
        """Make the first account of an installation."""
        return self._enter("/setup", site_name=site_name)

    def register(self, invite: str = "") -> "Person":
        return self._enter("/register", invite=invite)

    def login(self) -> "Person":
        return self._enter("/login")

    def logout(self) -> None:
        assert self.post_form("/logout").status_code == 303
        self.csrf = ""

    def again(self) -> "Person":
        """The same person in another browser."""
        return Person(self.url, self.nickname, self.password).login()

    def invite(self) -> str:
        """A code that lets others in; admins only."""
        made = self.api("POST", "/api/invites")
        assert made.status_code == 201, made.text
        return str(made.json()["code"])

    def socket(self, origin: str | None = None, **auth: str) -> socketio.Client:
        """A connected Socket.IO client; it is closed at the end of the test."""
        client = socketio.Client(reconnection=False)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)
        client.connect(
            self.url,
            headers={"Cookie": cookies, "Origin": origin or self.url},
            auth=auth or {"csrf": self.csrf or self._token()},
            transports=["websocket"],
            wait_timeout=SECONDS,
        )
        self.sockets.append(client)
        return client

    def close(self) -> None:
        for client in self.sockets:
            client.disconnect()
        self.session.close()

    def _enter(self, path: str, **fields: str) -> "Person":
        self.csrf = ""
        self.get(path)
        fields |= {"nickname": self.nickname, "password": self.password}
        answer = self.post_form(path, **fields)
        assert answer.status_code == 303, f"{path}: {answer.status_code}\n{answer.text[:2000]}"
        self._token()
        return self

    def _token(self) -> str:
        """A token of the session as it is now."""
        self.csrf = ""
        self.get("/settings")
        assert self.csrf, "the page has no CSRF token"
        return self.csrf
