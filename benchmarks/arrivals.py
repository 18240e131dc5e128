"""What it costs when a tab comes back, and how soon all are live again after a restart.

An arrival is a handshake and the question what was missed since `rev`, which here is still the
newest: nothing was. So it is for nearly everybody after a short break of the network or a restart
of the server. Ten tabs a person. Tabs come one after the other, in turns with the floor: a bare
Socket.IO server on Node (`node.py`), which asks nobody who they are and remembers nothing. "The
worker's CPU" is all that it did in that time, telling the others who is there included.

Then a thousand tabs come back at once to a server that has just been started, a hundred of them
under way at any time. A tab is live when it has been told what it missed. Meanwhile somebody else
goes on asking for their channels and for the newest messages (of Node: for an empty answer).
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle

from benchmarks import gauge, report
from benchmarks.crowd import Client
from benchmarks.gauge import Meter, quantile
from benchmarks.handshakes import Handshakes, client_of
from benchmarks.node import Node
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage
from benchmarks.team import Member

PEOPLE, EACH = 100, 10  # tabs a person
TABS, ROUNDS = 150, 4  # that come one after the other, in each of so many turns
STORM, AT_ONCE, WARM_UP = 1_000, 100, 20
MOST_TIMES, MOST_SECONDS, MOST_WAIT = 2.0, 10.0, 1_000.0  # what is aimed at


class Tabs(Handshakes):
    """Clients that come back and ask what they missed."""

    def come_back(self, port: int, members: list[Member], channel: str, rev: int) -> list[float]:
        """One after the other; the ms that each took until it was live."""
        took = []
        for number, member in enumerate(members):
            began = time.monotonic()
            self._add(_live(port, member, number, channel, rev))
            took.append((time.monotonic() - began) * 1000)
            self.pump(0)
        return took

    def come_back_at_once(
        self, port: int, members: list[Member], channel: str, rev: int, at_once: int
    ) -> list[float]:
        """All together; the ms from the first one's knock until each was live."""
        began = time.monotonic()

        def come(number: int) -> tuple[Client, float]:
            client = _live(port, members[number], number, channel, rev)
            return client, (time.monotonic() - began) * 1000

        with ThreadPoolExecutor(at_once) as door:
            come_in = list(door.map(come, range(len(members))))
        for client, _ in come_in:
            self._add(client)
        return [ms for _, ms in come_in]


class Asker:
    """Somebody else, who goes on asking for pages."""

    def ask(self, url: str, paths: list[str], cookie: str, seconds: float) -> list[float]:
        """One page after the other for so long; the ms that each took."""
        import requests

        took, until = [], time.monotonic() + seconds
        with requests.Session() as session:
            for path in cycle(paths):
                began = time.monotonic()
                if began > until:
                    return took
                session.get(url + path, headers={"Cookie": cookie}, timeout=60).raise_for_status()
                took.append((time.monotonic() - began) * 1000)
        return took


@dataclass
class Side:
    """The product or the floor, and what was measured of it."""

    name: str
    app: App
    rev: int
    paths: list[str]
    took: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    def ms(self, process: str) -> float | None:
        """CPU milliseconds an arrival."""
        return self.cpu[process] * 1000 / len(self.took) if process in self.cpu else None


def run(quick: bool = False) -> None:
    tabs, rounds, storm = (30, 1, 100) if quick else (TABS, ROUNDS, STORM)
    with Stage(people=PEOPLE) as stage:
        product, floor = stage.app(), stage.floor(Node)
        channel, first = stage.team.channel, stage.team.members[0]
        pages = ["/api/channels", f"/api/channels/{channel}/messages"]
        newest = product.get(pages[1], first).json()["messages"][-1]["rev"]
        sides = [Side("product", product, newest, pages), Side("floor: Node", floor, 0, ["/"])]
        for number in range(rounds + 1):  # the first one is to warm up
            report.say(f"arrivals: turn {number} of {rounds}")
            for side in sides:
                _one_by_one(stage, side, tabs if number else WARM_UP, counts=number > 0)
        _print(sides)
        _print_storm([_storm(stage, side, storm) for side in sides], storm)


def _one_by_one(stage: Stage, side: Side, tabs: int, counts: bool) -> None:
    gauge.until_idle(side.app.worker)  # those of the last turn have gone
    with Remote(Tabs) as crowd:
        meter = Meter(stage.processes(side.app))
        members = _people(stage, tabs)
        took = crowd.ask("come_back", side.app.port, members, stage.team.channel, side.rev)
        crowd.ask("settle", 0.6)  # who is there has been told by then
        spent = meter.read()
    if counts:
        side.took += took
        for name, seconds in spent.cpu.items():
            side.cpu[name] = side.cpu.get(name, 0.0) + seconds


Storm = tuple[str, list[float], list[float], float]


def _storm(stage: Stage, side: Side, tabs: int) -> Storm:
    report.say(f"arrivals: {tabs:,} tabs return to {side.name}")
    side.app.restart()
    members, at_once = _people(stage, tabs), min(AT_ONCE, tabs)
    asked = side.app.port, members, stage.team.channel, side.rev, at_once
    with Remote(Tabs) as crowd, Remote(Asker) as asker, ThreadPoolExecutor(1) as pool:
        side.app.get(side.paths[0], stage.team.members[0])
        meter = Meter(stage.processes(side.app))
        coming = pool.submit(crowd.ask, "come_back_at_once", *asked)
        waits: list[float] = []
        while not coming.done():
            cookie = stage.team.members[0].cookie
            waits += asker.ask("ask", side.app.url, side.paths, cookie, 0.5)
        return side.name, coming.result(), waits, meter.read().cpu["worker"]


def _people(stage: Stage, tabs: int) -> list[Member]:
    people = max(1, tabs // EACH)
    return [stage.team.members[number % people] for number in range(tabs)]


def _print(sides: list[Side]) -> None:
    floor = sides[-1].ms("worker")
    rows = []
    for side in sides:
        own = side.ms("worker")
        times = (quantile(side.took, 0.5), quantile(side.took, 0.99))
        ratio = own / floor if own and floor else None
        rows.append((side.name, len(side.took), own, ratio, *times, side.ms("mongod"),
                     side.ms("valkey")))  # fmt: skip
    report.table(
        f"arrivals: one tab after the other (target: {MOST_TIMES:.0f} × Node)",
        ("", "tabs", "worker CPU ms each", "× Node", "live after p50 ms", "p99 ms",
         "mongod CPU ms", "valkey CPU ms"),
        rows,
    )  # fmt: skip


def _print_storm(storms: list[Storm], tabs: int) -> None:
    rows = [
        (name, max(live) / 1000, quantile(live, 0.5) / 1000, cpu * 1000 / len(live), len(waits),
         quantile(waits, 0.5), max(waits, default=None))
        for name, live, waits, cpu in storms
    ]  # fmt: skip
    report.table(
        f"arrivals: {tabs:,} tabs return after a restart "
        f"(target: {MOST_SECONDS:.0f} s, others {MOST_WAIT:,.0f} ms)",
        ("", "all live after s", "half", "worker CPU ms each", "requests of others meanwhile",
         "p50 ms", "slowest ms"),
        rows,
    )  # fmt: skip


def _live(port: int, member: Member, number: int, channel: str, rev: int) -> Client:
    client = client_of(port, member, number)
    client.ask("channel:open", {"channel": channel, "after": 0, "rev": rev})
    return client
