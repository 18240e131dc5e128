"""A person at a browser: actions, and what the page shows."""

import re

from playwright.sync_api import BrowserContext, Locator, Page, expect

PASSWORD = "correct horse battery"
# Milliseconds. No promise is measured by it: a busy machine gets there, too.
LONG = 60_000
expect.set_options(timeout=LONG)


class Person:
    """One browser context, one or more pages of it."""

    def __init__(self, context: BrowserContext, url: str, nickname: str) -> None:
        self.context, self.url, self.nickname = context, url, nickname
        self.page: Page = context.new_page()

    def another_tab(self) -> "Person":
        """The same person, the same browser, a second tab at the same place."""
        other = Person.__new__(Person)
        other.context, other.url, other.nickname = self.context, self.url, self.nickname
        other.page = self.context.new_page()
        other.page.goto(self.page.url)
        return other

    # Coming in

    def set_up(self, site_name: str = "Observatory") -> str:
        """Makes the first account; returns the invite link shown on the screen."""
        self.page.goto(f"{self.url}/setup")
        self.page.fill("[name=site_name]", site_name)
        self._fill_account()
        expect(self.page.locator("#composer")).to_be_visible()
        return self.page.input_value("#invite-url")

    def register(self, invite_url: str) -> "Person":
        self.page.goto(invite_url)
        self._fill_account()
        expect(self.page.locator("body[data-user-id]")).to_be_attached()
        return self

    def log_in(self) -> "Person":
        self.page.goto(f"{self.url}/login")
        self._fill_account()
        expect(self.page.locator("body[data-user-id]")).to_be_attached()
        return self

    def _fill_account(self) -> None:
        self.page.fill("[name=nickname]", self.nickname)
        self.page.fill("[name=password]", PASSWORD)
        self.page.press("[name=password]", "Enter")

    # Being there

    def open(self, path: str) -> "Person":
        self.page.goto(self.url + path)
        return self

    def online(self, timeout: float = LONG) -> "Person":
        """Waits until the live connection stands."""
        expect(self.page.locator("body[data-connection=online][data-ready]")).to_be_attached(
            timeout=timeout
        )
        return self

    def offline(self) -> "Person":
        expect(self.page.locator("body[data-connection=offline]")).to_be_attached()
        return self

    @property
    def composer(self) -> Locator:
        return self.page.locator("#composer textarea")

    @property
    def rows(self) -> Locator:
        return self.page.locator("#messages .message")

    def write(self, text: str) -> "Person":
        self.composer.fill(text)
        self.composer.press("Enter")
        return self

    def row(self, text: str) -> Locator:
        return self.rows.filter(has=self.page.locator(".message-body", has_text=text))

    def sees(self, text: str, timeout: float = LONG) -> Locator:
        row = self.row(text)
        expect(row).to_have_count(1, timeout=timeout)
        return row

    def sees_stored(self, text: str) -> Locator:
        """Seen, and acknowledged by the server."""
        row = self.sees(text)
        expect(row).to_have_attribute("data-seq", re.compile(r"\d+"))
        return row

    def texts(self) -> list[str]:
        return self.page.locator("#messages .message-body").all_inner_texts()

    def act(self, row: Locator, action: str) -> None:
        row.hover()
        row.locator(f"[data-action={action}]").click()

    def unread(self, name: str) -> Locator:
        link = self.page.locator("[data-channel-link]", has_text=name)
        return link.locator(".unread-count:visible")

    def api(self, method: str, path: str, **json: object) -> dict:
        """A call with this person's session, as a script of theirs could make it."""
        token = self.page.get_attribute('meta[name="csrf-token"]', "content")
        answer = self.context.request.fetch(
            self.url + path,
            method=method,
            data=json or None,
            headers={"X-CSRFToken": token or "", "Content-Type": "application/json"},
        )
        assert answer.ok, (answer.status, answer.text())
        return answer.json() if answer.body() else {}

    @property
    def channel_id(self) -> str:
        return str(self.page.get_attribute("main#channel", "data-channel-id"))

    @property
    def channel_path(self) -> str:
        return re.sub(r"^https?://[^/]+|#.*$", "", self.page.url)
