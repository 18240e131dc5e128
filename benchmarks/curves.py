"""Growth curves: what a page costs with more people, channels, messages, people online.

One thing grows and the others stay what a team has; but everybody is in the first channel, so with
more people no page is asked for that shows its members. For each size there is a database with an
app of its own; the pages are asked for on one connection, under a parameter that was never sent
before, so that no answer is just given again (see `cached`). What is drawn is the worker's CPU time
for a request, which says more on a machine that is not quiet than the time it took; the table has
both. One line is the floor in the same run: a page with nothing in it for somebody signed in.

The pictures are written to docs/growth/, those of `--quick` to a folder for what is temporary.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import crowded, gauge, picture, report
from benchmarks.crowded import Town
from benchmarks.gauge import Meter, quantile
from benchmarks.handshakes import Handshakes
from benchmarks.load import Asked, Load
from benchmarks.masses import Size
from benchmarks.remote import Remote
from benchmarks.stage import App
from tests.support.processes import ROOT

FOLDER = ROOT / "docs" / "growth"
TEAM = Size(people=1_000, channels=10, messages=1_000)
SECONDS, WARM_UP = 0.5, 5
PEOPLE, CHANNELS = (1_000, 10_000, 100_000), (10, 100, 1_000)
MESSAGES, ONLINE = (1_000, 10_000, 100_000), (10, 100, 1_000)  # a million: `growth`
CONNECT_SECONDS = 30.0
NAMES = {"people": "people", "channels": "channels", "messages": "messages",
         "online": "people online"}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One page at one size."""

    size: int
    page: str
    cpu_ms: float
    p50: float


def run(quick: bool = False) -> None:
    seconds = 0.3 if quick else SECONDS
    few = slice(0, 2 if quick else None)
    folder = Path(tempfile.mkdtemp(prefix="chat-growth-")) if quick else FOLDER
    with Remote(Load) as load:
        grown = {
            "people": _towns(load, "people", PEOPLE[few], seconds),
            "channels": _towns(load, "channels", CHANNELS[few], seconds),
            "messages": _towns(load, "messages", MESSAGES[few], seconds),
            "online": _online(load, ONLINE[few], seconds),
        }
    for what, points in grown.items():
        _print(what, points, folder)


def _pages(what: str, town: Town) -> dict[str, str]:
    place = town.masses.places[0]
    page = {"channel page": f"/channels/{place.slug}?_={{n}}"}
    history = f"/api/channels/{place.id}/messages"
    own = {
        "people": {
            "first 100 of the list": "/api/users?_={n}",
            "first 1,000 of the list": "/api/users?limit=1000&_={n}",
        },
        "channels": {"list of channels": "/api/channels?_={n}", **page},
        "messages": {
            "newest 50 messages": f"{history}?_={{n}}",
            "50 from the middle": f"{history}?before={place.messages // 2}&_={{n}}",
        },
        "online": {"who is online": "/api/users/online?_={n}", **page},
    }
    return own[what] | {"floor: empty page": "/bench/empty/10"}


def _size(what: str, size: int) -> Size:
    return replace(TEAM, each=1, people=size) if what == "people" else replace(TEAM, **{what: size})


def _towns(load: Remote, what: str, sizes: tuple[int, ...], seconds: float) -> list[Point]:
    """One database after the other, each with an app of its own."""
    points = []
    for size in sizes:
        town = crowded.town(_size(what, size))
        report.say(f"curves: {size:,} {what}")
        with _app(town) as app:
            points += _ask(app, town, load, what, size, seconds)
    return points


def _online(load: Remote, sizes: tuple[int, ...], seconds: float) -> list[Point]:
    """The team, and more and more of them online."""
    town, points, already = crowded.town(replace(TEAM, readers=max(sizes))), [], 0
    with _app(town) as app, Remote(Handshakes) as crowd:
        for size in sizes:
            report.say(f"curves: {size:,} online")
            crowd.ask("come", app.port, town.masses.members[already:size], CONNECT_SECONDS)
            already = size
            crowd.ask("settle", 1.0)
            points += _ask(app, town, load, "online", size, seconds)
    return points


@contextmanager
def _app(town: Town) -> Iterator[App]:
    app = crowded.stage().app(uri=town.uri)
    try:
        yield app
    finally:
        app.stop()


def _ask(app: App, town: Town, load: Remote, what: str, size: int, seconds: float) -> list[Point]:
    stage, who, points = crowded.stage(), town.masses.members[0], []
    pages = _pages(what, town)
    for path in pages.values():
        for _ in range(WARM_UP):
            app.get(path, who)
    gauge.until_idle(app.worker)  # the list of all people is filled in the background
    for name, path in pages.items():
        meter = Meter(stage.processes(app))
        asked: Asked = load.ask("run", app.port, path, who.cookie, 1, seconds)
        spent = meter.read()
        if asked.failed:
            raise RuntimeError(f"{name}: {asked.failed} failed\n{app.tail()}")
        cpu = spent.ms_per("worker", asked.count) or 0.0
        points.append(Point(size, name, cpu, quantile(asked.took_ms, 0.5)))
    return points


def _print(what: str, points: list[Point], folder: Path) -> None:
    sizes, pages = (list(dict.fromkeys(values)) for values in zip(
        *((point.size, point.page) for point in points), strict=True
    ))  # fmt: skip
    found = {(point.page, point.size): point for point in points}
    rows = []
    for page in pages:
        own = [found[page, size] for size in sizes]
        rows.append((page, *(cell for point in own for cell in (point.cpu_ms, point.p50))))
    heads = [head for size in sizes for head in (f"CPU ms at {size:,}", "p50 ms")]
    report.table(f"curves: one page by {what}", ("", *heads), rows)
    file = folder / f"{what}.svg"
    lines = {page: [(size, found[page, size].cpu_ms) for size in sizes] for page in pages}
    title, below = f"What a page costs with more {NAMES[what]}", f"{NAMES[what]} (logarithmic)"
    picture.draw(file, title, below, "worker CPU, ms a request", lines)
    print(f"Drawn: {file.relative_to(ROOT) if file.is_relative_to(ROOT) else file}", flush=True)
