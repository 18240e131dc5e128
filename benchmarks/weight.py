"""What things weigh on the wire: a delivered message, the page of a channel, a visit.

A channel with 100 members, the last 50 of its messages 100 bytes each. The message is one more
like them, counted as a socket receives it, with its WebSocket header; beside it the same from a
bare Socket.IO server on Node (`node.py`), which sends the text and nothing else. The page is asked
for with each content coding that browsers accept; the bytes are those of its body as they travel.

A visit is what a real browser transfers until the page is live, headers of answers included: the
first one with an empty cache, then the same page again, then another channel by a click in the
sidebar. A request counts when something was sent for it; what the browser has kept does not.
"""

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from benchmarks import report
from benchmarks.crowd import ACK, NEW_MESSAGE, Client, post_packet
from benchmarks.node import Node
from benchmarks.stage import App, Stage
from benchmarks.team import Member

PEOPLE, MESSAGES, LETTERS = 100, 50, 100
TEXT = ("The numbers of last week are better than expected " * 3)[:LETTERS].replace("  ", " ")
CODINGS = ("identity", "gzip", "br", "zstd")
MOST_OF_MESSAGE, MOST_OF_PAGE, MOST_COMPRESSED = 600, 60_000, 12_000
QUIET_MS, MOST_SECONDS = 500, 30


def run(quick: bool = False) -> None:
    with Stage(people=PEOPLE) as stage:
        app, floor = stage.app(), stage.floor(Node)
        report.say("weight: a message")
        for number in range(5 if quick else MESSAGES):
            _post(app, stage, f"weight-{number}")
        _print_message(stage, app, floor)
        _print_page(stage, app)
        report.say("weight: a visit")
        _print_visits(stage, app)


def _post(app: App, stage: Stage, client_id: str) -> None:
    member = stage.team.members[1]
    requests.post(
        f"{app.url}/api/channels/{stage.team.channel}/messages",
        json={"text": TEXT, "client_id": client_id},
        headers={"Cookie": member.cookie, "X-CSRFToken": member.csrf},
        timeout=30,
    ).raise_for_status()


def _print_message(stage: Stage, app: App, floor: App) -> None:
    member = stage.team.members[0]
    line = Client(app.port, member)
    _post(app, stage, "weight-delivered")
    product = _received(line)
    line = Client(floor.port, member)
    line.send(post_packet(stage.team.channel, 0, TEXT))
    node = _received(line)
    report.table(
        f"weight: a delivered message of {LETTERS} bytes (target: ≤ {MOST_OF_MESSAGE})",
        ("", "bytes on the wire", "× Node"),
        [("product", product, product / node), ("floor: Node", node, 1.0)],
    )


def _received(line: Client) -> int:
    """The bytes of the next message that this line is sent, with the header of its frame."""
    line.sock.settimeout(MOST_SECONDS)
    while data := line.read():
        for _kind, payload, _sent in line.cut(data):
            if payload.startswith(NEW_MESSAGE):
                return len(payload) + (2 if len(payload) < 126 else 4)
            if payload.startswith(ACK) and b"true" not in payload:
                raise RuntimeError(f"refused: {payload!r}")
    raise TimeoutError("no message came")


def _print_page(stage: Stage, app: App) -> None:
    rows = []
    for coding in CODINGS:
        headers = {"Cookie": stage.team.members[0].cookie, "Accept-Encoding": coding}
        address = f"{app.url}/channels/{stage.team.slug}"
        for _ in range(2):  # the first one fills the caches
            with requests.get(address, headers=headers, timeout=30, stream=True) as answer:
                answer.raise_for_status()
                body = answer.raw.read(decode_content=False)
        rows.append((coding, answer.headers.get("Content-Encoding", "–"), len(body)))
    report.table(
        f"weight: page of a channel, {MESSAGES} messages, {PEOPLE} members "
        f"(target: ≤ {MOST_OF_PAGE:,}, compressed ≤ {MOST_COMPRESSED:,})",
        ("accepted", "used", "bytes"),
        rows,
    )


@dataclass
class Traffic:
    """What a browser's page transfers, as Chromium's own tools count it."""

    requests: int = 0
    size: float = 0
    _kept: set[str] = field(default_factory=set)

    def listen(self, session: Any) -> None:
        """Count from now on."""
        session.on("Network.requestServedFromCache", lambda told: self._kept.add(told["requestId"]))
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _finished(self, told: dict[str, Any]) -> None:
        if told["requestId"] not in self._kept and told["encodedDataLength"] > 0:
            self.requests += 1
            self.size += told["encodedDataLength"]

    def taken(self) -> tuple[int, int]:
        """What there was, and begin at nothing again."""
        found = self.requests, round(self.size)
        self.requests, self.size = 0, 0
        return found


def _print_visits(stage: Stage, app: App) -> None:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS, found_chromium

    chromium = found_chromium()
    if chromium is None:
        report.say("weight: there is no Chromium, so no visit is measured")
        return
    address = f"{app.url}/channels/{stage.team.slug}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context(locale="en-GB")
        context.add_cookies([_cookie(app, stage.team.members[0])])
        page, traffic = context.new_page(), Traffic()
        traffic.listen(context.new_cdp_session(page))
        rows = []
        for name in ("first visit", "the same page again"):
            page.goto(address)
            _is_live(page)
            rows.append((name, *traffic.taken()))
        page.click("a[href$='/channels/room-1']")
        page.wait_for_url("**/channels/room-1")
        _is_live(page)
        rows.append(("another channel, by a click", *traffic.taken()))
        browser.close()
    report.table("weight: a visit", ("", "requests", "bytes"), rows)


def _cookie(app: App, member: Member) -> Any:
    return {
        "name": "session",
        "value": member.sid,
        "domain": urlsplit(app.url).hostname,
        "path": "/",
    }


def _is_live(page: Any) -> None:
    """Until nothing has been asked for in a while; the socket does not count."""
    page.wait_for_load_state("networkidle", timeout=MOST_SECONDS * 1000)
    time.sleep(QUIET_MS / 1000)
    page.evaluate("1")  # what has come meanwhile is dealt with
