"""Pictures of every page, for whoever changes a template or a style.

    python tests/browser/screenshots.py OUTDIR [--pages login,busy] [--widths 360,820,1440]
        [--themes light,dark] [--languages en,ru] [--readme docs/screenshot.png]
        [--status docs/status.png]

Starts the application as `make run` does, with databases of its own, and fills it with the talk in
demo_content.py. Without options it takes all combinations.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.browser import demo_content  # noqa: E402
from tests.browser.conftest import CHROMIUMS  # noqa: E402
from tests.support.embedded import Run  # noqa: E402

HEIGHTS = {360: 780, 820: 1100, 1440: 900}
SETTLE_MS = 300
ONLINE = ("Maria", "Дмитрий", "Li-Wei")
ENOUGH_REQUESTS = 30
LOOKS = 3
READY = "body[data-ready], body:not([data-user-id])"
COLOURS = ("light", "dark")
LANGUAGES = ("en", "ru")


@dataclass(frozen=True)
class Shot:
    """A page to be seen: where it is, who looks, and what is done before the picture."""

    path: str
    signed_in: bool = True
    # What a script would change at once, such as what has been read, is seen without it.
    script: bool = True
    act: Callable[[Page], None] = lambda page: None


def wrong_login(page: Page) -> None:
    """The form after a mistake."""
    page.fill("[name=nickname]", "Anna")
    page.fill("[name=password]", "not the password")
    page.click(".card button[type=submit]")


def hover_message(page: Page) -> None:
    """The actions of a message."""
    page.locator(".message").nth(-2).hover()


def open_switcher(page: Page) -> None:
    """The list of everything."""
    page.keyboard.press("Control+k")


def write_too_much(page: Page) -> None:
    """A refused message: the reason, and the text kept."""
    page.locator("#composer textarea").evaluate("field => field.removeAttribute('required')")
    page.fill("#composer textarea", "   ")
    page.click("#composer [type=submit]")


def wait_for_facts(page: Page) -> None:
    """What both servers say of themselves, after people have read a little."""
    for _ in range(ENOUGH_REQUESTS):
        page.request.get(page.url.replace("/admin/status", "/api/users"))
    for fact in ("Replica set", "Replication role"):
        page.get_by_text(fact).wait_for()
    for _ in range(LOOKS):  # until what starting cost is no longer the last that was measured
        page.wait_for_event("response", lambda answer: answer.url.endswith("/admin/status/now"))


SETUP = {"setup": Shot("/setup", signed_in=False)}
SHOTS = {
    "login": Shot("/login", signed_in=False),
    "login-wrong": Shot("/login", signed_in=False, act=wrong_login),
    "register": Shot("{invite}", signed_in=False),
    "unread": Shot("/channels/general", script=False),
    "busy": Shot("/channels/general", act=hover_message),
    "code": Shot("/channels/engineering"),
    "empty": Shot("/channels/ideas"),
    "not-joined": Shot("/channels/музыка-для-работы-и-длинных-поездок"),
    "refused": Shot("/channels/ideas", script=False, act=write_too_much),
    "direct": Shot("/dm/Maria", script=False),
    "sidebar": Shot("/channels/general#sidebar", script=False),
    "members": Shot("/channels/general#members", script=False),
    "switcher": Shot("/channels/general", act=open_switcher),
    "channels": Shot("/channels"),
    "channel-settings": Shot("/channels/engineering/settings"),
    "new-direct": Shot("/dm"),
    "settings": Shot("/settings"),
    "admin": Shot("/admin"),
    "ask": Shot("/channels/engineering/archive"),
    "told": Shot("/admin?saved=1"),
    "status": Shot("/admin/status"),
    "error": Shot("/channels/nothing-here"),
}


class Studio:
    """Takes the pictures."""

    def __init__(self, browser: Browser, url: str, out: Path) -> None:
        self.browser, self.url, self.out = browser, url, out
        self.cookies: list = []
        self.invite = "/register"

    def take(self, name: str, shot: Shot, width: int, theme: str, language: str) -> Path:
        """One picture; complains about a page that is wider than its window."""
        path = self.out / f"{name}-{width}-{theme}-{language}.png"
        with self.page(shot, width, theme, language) as page:
            page.goto(self.url + shot.path.format(invite=self.invite))
            if shot.script:
                page.wait_for_selector(READY, state="attached")
            shot.act(page)
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=path)
            if shot.script and page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                print(f"{path.name}: wider than the window")
        return path

    @contextmanager
    def page(self, shot: Shot, width: int, theme: str, language: str) -> Iterator[Page]:
        context = self.browser.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            color_scheme="dark" if theme == "dark" else "light",
            locale=language,
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
            java_script_enabled=shot.script,
        )
        zone = {"name": "tz", "value": "Europe/Berlin", "url": self.url}
        context.add_cookies([zone, *(self.cookies if shot.signed_in else [])])  # type: ignore[list-item]
        try:
            yield context.new_page()
        finally:
            context.close()

    def open(self) -> None:
        """The owner signs in without reading anything; others are there."""
        page = self.sign_in(demo_content.OWNER, script=False)
        page.goto(f"{self.url}/admin")
        invite = page.locator("[id^=invite-]").first.input_value()
        self.invite = "/join/" + invite.rpartition("/")[2]
        self.cookies = [c for c in page.context.cookies() if c["name"] == "session"]
        page.context.close()
        for nickname in ONLINE:
            other = self.sign_in(nickname)
            other.goto(f"{self.url}/channels/engineering")
            other.wait_for_selector("body[data-connection=online]", state="attached")

    def sign_in(self, nickname: str, script: bool = True) -> Page:
        """A page of somebody who is signed in."""
        page = self.browser.new_context(java_script_enabled=script).new_page()
        page.goto(f"{self.url}/login")
        page.fill("[name=nickname]", nickname)
        page.fill("[name=password]", demo_content.PASSWORD)
        page.click(".card button[type=submit]")
        page.wait_for_url(lambda url: "/login" not in url)
        return page


def fill(data: Path) -> None:
    """The demo content, into the servers that keep their data here."""
    notes = {"MONGODB_URI": "mongodb_uri", "REDIS_URL": "redis_url"}
    found = {name: (data / note).read_text().strip() for name, note in notes.items()}
    subprocess.run(
        [sys.executable, str(Path(demo_content.__file__))],
        cwd=ROOT,
        env={**os.environ, **found, "PYTHONPATH": str(ROOT)},
        check=True,
    )


def launch(playwright: Playwright) -> Browser:
    """The system's Chromium where there is one."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    return playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])


def shoot(studio: Studio, shots: dict[str, Shot], options: argparse.Namespace) -> None:
    """All chosen combinations of these pages."""
    wanted = {n: s for n, s in shots.items() if not options.pages or n in options.pages}
    ways = itertools.product(options.widths, options.themes, options.languages)
    for width, theme, language in ways:
        for name, shot in wanted.items():
            studio.take(name, shot, width, theme, language)


def main(arguments: Iterable[str] | None = None) -> None:
    """Servers, content, pictures."""
    options = parse(arguments)
    options.outdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        data = Path(folder) / "data"
        with Run(Path(folder), data) as server:
            studio = Studio(launch(playwright), server.url, options.outdir)
            shoot(studio, SETUP, options)
            fill(data)
        with Run(Path(folder), data) as server:
            studio.url = server.url
            studio.open()
            # Without the script nothing is read by being looked at: those first.
            shoot(studio, {n: s for n, s in SHOTS.items() if not s.script}, options)
            if options.readme:
                picture = studio.take("readme", SHOTS["busy"], 1440, "light", "en")
                options.readme.parent.mkdir(parents=True, exist_ok=True)
                picture.replace(options.readme)
            if options.status:
                shot = Shot("/admin/status", act=wait_for_facts)
                studio.take("status-readme", shot, 1440, "light", "en").replace(options.status)
            shoot(studio, {n: s for n, s in SHOTS.items() if s.script}, options)


def parse(arguments: Iterable[str] | None) -> argparse.Namespace:
    """What to take."""

    def several(text: str) -> list[str]:
        return [part for part in text.split(",") if part]

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("outdir", type=Path, nargs="?", default=ROOT / "test-logs" / "screenshots")
    parser.add_argument("--pages", type=several, default=[])
    parser.add_argument(
        "--widths", type=lambda text: [int(w) for w in several(text)], default=list(HEIGHTS)
    )
    parser.add_argument("--themes", type=several, default=list(COLOURS))
    parser.add_argument("--languages", type=several, default=list(LANGUAGES))
    parser.add_argument("--readme", type=Path, default=None)
    parser.add_argument("--status", type=Path, default=None)
    return parser.parse_args(None if arguments is None else list(arguments))


if __name__ == "__main__":
    main()
