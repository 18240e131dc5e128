"""A team at work: 100 people reading and writing at once, with Redis and without.

50 channels, 20,000 messages, each person in eleven channels; which one they look at follows Zipf's
law. Nineteen of twenty requests read: channel pages, newest messages, the lists of channels and of
people, a channel's members, who is online, emoji. One of twenty writes: posts, how far one has
read, joining and leaving, a new status. Sixteen requests are under way at any time, so the worker
is never idle. They are drawn beforehand, and every app is sent the same ones; it has a database of
its own with the same people and messages. Before that, uncounted, everybody asks for the channels,
every channel is asked for once, and six hundred other requests are drawn, so that all that is kept
anywhere is as warm as it stays; then everything comes to rest. The two apps take turns, a hundred
requests each, so that a minute in which the machine is slow is slow for both. A third turn is the
floor's: the app with Redis again, asked by the same people and as many at once for an empty route
for which one has to be signed in, with as many bytes as the mean of its answers had.

Reads of MongoDB are mongod's own counters (find, aggregate, getMore, count, distinct) before and
after, whoever asked: the checks of a write read too, and so does what refills a cache. "Hits" are
answers whose `X-Cache` says hit: every single thing that went into the answer came from the cache.
Redis's own count of keyspace hits stands beside it; it counts each look at a fence key that is
rightly not there as a miss, so it cannot come near 100 %.
"""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pymongo

from benchmarks import masses, report
from benchmarks.gauge import Meter, Spent, quantile, until_idle
from benchmarks.masses import Masses, Size, zipf
from benchmarks.proxy import Proxy, away
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage
from benchmarks.visitors import Ask, Seen, Visitors, request_of

PEOPLE, AT_ONCE, DELAY_MS = 100, 16, 5.0
BEFORE, REQUESTS, A_TURN = 600, 1_000, 100
NAMES = ("cached", "DISABLE_REDIS")
FLOOR = "floor: empty route"
SIZE = Size(people=PEOPLE, channels=50, messages=20_000, readers=PEOPLE)
MIX = {
    "channel page": 30, "history": 25, "channels": 15, "people": 12, "members": 7, "online": 4,
    "emoji": 2, "post": 2, "read": 1.5, "join": 0.5, "leave": 0.5, "status": 0.5,
}  # percent  # fmt: skip
READS = ("find", "aggregate", "getMore", "count", "distinct")
COME_AND_GO = 10  # so many channels at the end are joined and left
TARGETS = (3.0, 95.0, 98.0)  # times the requests a second; % reads saved; % hits


@dataclass
class Result:
    """What one app made of it."""

    seen: Seen = field(default_factory=Seen)
    cpu: Counter[str] = field(default_factory=Counter)  # seconds, by process
    reads: int = 0
    keyspace: Counter[str] = field(default_factory=Counter)  # "hits" and "misses", as Redis counts

    def add(self, seen: Seen, spent: Spent, reads: int, keyspace: Counter[str]) -> None:
        """One turn more."""
        self.seen.add(seen)
        self.cpu.update(spent.cpu)
        self.reads += reads
        self.keyspace.update(keyspace)

    def cpu_ms(self, process: str) -> float:
        """CPU milliseconds of a process for each request."""
        return self.cpu[process] * 1000 / self.seen.count

    @property
    def hit_percent(self) -> float | None:
        """Of the answers that say where they come from."""
        told = self.seen.kept.total()
        return self.seen.kept["hit"] * 100 / told if told else None

    @property
    def keyspace_percent(self) -> float | None:
        looks = self.keyspace.total()
        return self.keyspace["hits"] * 100 / looks if looks else None


@dataclass(frozen=True)
class Lane:
    """One app and the requests it is sent."""

    app: App
    uri: str
    wanted: list[Ask]
    empty: list[Ask]

    @property
    def floor(self) -> "Lane":
        """The same app, asked for nothing."""
        return replace(self, wanted=self.empty)


def run(quick: bool = False) -> None:
    count = REQUESTS // 10 if quick else REQUESTS
    with Stage() as stage, Remote(Visitors) as visitors, Remote(Proxy) as proxy:
        for where in ("on the same machine", f"{DELAY_MS:.0f} ms away"):
            lanes = {}
            for name in NAMES:
                report.say(f"browsing: {name}, MongoDB {where}")
                lanes[name] = _warmed(stage, visitors, proxy, where, name == "cached", count)
            lanes[FLOOR] = lanes["cached"].floor
            report.say(f"browsing: in turns, MongoDB {where}")
            _print(where, _in_turns(stage, visitors, lanes))
            for lane in lanes.values():
                lane.app.stop()  # the floor's is the first one's


def _warmed(
    stage: Stage, visitors: Remote, proxy: Remote, where: str, with_redis: bool, count: int
) -> Lane:
    """An app that has come to rest after everybody was there."""
    uri = stage.database()
    team = masses.store(uri, SIZE)
    reached = away(proxy, uri, DELAY_MS) if where.endswith("away") else uri
    app = stage.app(with_redis, uri=reached, LIMIT_API="1000000/minute")
    _send(app, visitors, _everything(team))
    usual = _send(app, visitors, _draw(team, min(BEFORE, count), 3))
    for process in stage.processes(app).values():
        until_idle(process)  # mongod still writes down what was stored
    return Lane(app, uri, _draw(team, count, 2), _empty(team, count, usual.bytes // usual.count))


def _empty(team: Masses, count: int, size: int) -> list[Ask]:
    """As many requests of the same people for a page of so many bytes with nothing in it."""
    people = random.Random(2).choices(team.members, k=count)
    return [Ask("empty", request_of("GET", f"/bench/empty/{size}", None, who)) for who in people]


def _in_turns(stage: Stage, visitors: Remote, lanes: dict[str, Lane]) -> dict[str, Result]:
    """Each app a part of its requests, then the other; who begins changes each time."""
    results, order = {name: Result() for name in lanes}, list(lanes)
    for start in range(0, len(lanes[order[0]].wanted), A_TURN):
        for name in order:
            lane = lanes[name]
            before, meter = _reads(lane.uri), Meter(stage.processes(lane.app))
            keys = _keyspace(stage, lane.app)
            seen = _send(lane.app, visitors, lane.wanted[start : start + A_TURN])
            spent, after = meter.read(), _keyspace(stage, lane.app)
            after.subtract(keys)
            results[name].add(seen, spent, _reads(lane.uri) - before, after)
        order.reverse()
    return results


def _send(app: App, visitors: Remote, wanted: list[Ask]) -> Seen:
    seen: Seen = visitors.ask("run", app.port, wanted, AT_ONCE)
    if seen.refused:
        raise RuntimeError(f"refused: {dict(seen.refused)}\n{app.tail()}")
    return seen


def _draw(team: Masses, count: int, seed: int) -> list[Ask]:
    """What somebody asks for, one after the other; the same in every database for a seed."""
    chance, asks = random.Random(seed), []
    for number, kind in enumerate(chance.choices([*MIX], [*MIX.values()], k=count)):
        who = chance.randrange(len(team.members))
        place = team.places[_where(chance, kind, team.belong[who], len(team.places))]
        method, path, body = _request(kind, place, f"{seed}-{number}", chance)
        asks.append(Ask(kind, request_of(method, path, body, team.members[who])))
    return asks


def _everything(team: Masses) -> list[Ask]:
    """Each channel and each person once."""
    chance, first = random.Random(0), team.members[0]
    wanted = [("channels", team.places[0], member) for member in team.members]
    for place in team.places:
        wanted += [(kind, place, first) for kind in ("channel page", "history", "members")]
    return [
        Ask(kind, request_of(*_request(kind, place, "0", chance), member))
        for kind, place, member in wanted
    ]


def _where(chance: random.Random, kind: str, own: set[int], count: int) -> int:
    """A channel's number. People write where they belong, and come and go at the far end."""
    quiet = count - COME_AND_GO
    if kind in ("join", "leave"):
        return chance.randrange(quiet, count)
    numbers = sorted(n for n in own if n < quiet) if kind in ("post", "read") else range(count)
    return chance.choices(numbers, cum_weights=zipf(len(numbers)))[0]


def _request(
    kind: str, place: masses.Place, stamp: str, chance: random.Random
) -> tuple[str, str, Any]:
    channel = f"/api/channels/{place.id}"
    text = f"What I meant is number {stamp}, *not* the one before 🎉"
    seq = chance.randint(place.messages // 2, place.messages)
    return {
        "channel page": ("GET", f"/channels/{place.slug}", None),
        "history": ("GET", f"{channel}/messages", None),
        "channels": ("GET", "/api/channels", None),
        "people": ("GET", "/api/users", None),
        "members": ("GET", f"{channel}/users", None),
        "online": ("GET", "/api/users/online", None),
        "emoji": ("GET", "/api/emoji", None),
        "post": ("POST", f"{channel}/messages", {"text": text, "client_id": f"visit-{stamp}"}),
        "read": ("POST", f"{channel}/read", {"seq": seq}),
        "join": ("POST", f"{channel}/join", None),
        "leave": ("POST", f"{channel}/leave", None),
        "status": ("PATCH", "/api/me", {"status": f"busy with {stamp}"}),
    }[kind]


def _reads(uri: str) -> int:
    """How often mongod has been asked for something since it started."""
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        commands = client.admin.command("serverStatus")["metrics"]["commands"]
    return sum(int(commands[name]["total"]) for name in READS if name in commands)


def _keyspace(stage: Stage, app: App) -> Counter[str]:
    """Redis's own count of hits and misses."""
    valkey = stage.valkey(app)
    if valkey is None:
        return Counter()
    with valkey.client() as client:
        stats = client.info("stats")
    return Counter(hits=stats["keyspace_hits"], misses=stats["keyspace_misses"])


def _print(where: str, results: dict[str, Result]) -> None:
    rows = []
    for name, result in results.items():
        seen, took = result.seen, [ms for times in result.seen.took_ms.values() for ms in times]
        rows.append(
            (
                name,
                seen.count,
                seen.count / seen.seconds,
                quantile(took, 0.5),
                quantile(took, 0.99),
                result.cpu_ms("worker"),
                result.cpu_ms("mongod"),
                result.reads,
                result.reads / seen.count,
                result.hit_percent,
                result.keyspace_percent,
            )
        )
    report.table(
        f"browsing: {PEOPLE} people, {AT_ONCE} requests at once, MongoDB {where}",
        ("", "requests", "requests/s", "p50 ms", "p99 ms", "worker CPU ms a request", "mongod",
         "MongoDB reads", "a request", "answers hit %", "keyspace hit %"),
        rows,
    )  # fmt: skip
    _print_ratios(where, *results.values())


def _print_ratios(where: str, cached: Result, plain: Result, floor: Result) -> None:
    faster = plain.seen.seconds / cached.seen.seconds
    saved = 100 - cached.reads * 100 / plain.reads
    floors = cached.cpu_ms("worker") / floor.cpu_ms("worker")
    report.table(
        f"browsing: with Redis against without, MongoDB {where}",
        ("", "measured", "target"),
        [
            ("requests/s, times as many", faster, f"≥ {TARGETS[0]:.0f}"),
            ("reads of MongoDB saved, %", saved, f"≥ {TARGETS[1]:.0f}"),
            ("answers that were hits, %", cached.hit_percent, f"≥ {TARGETS[2]:.0f}"),
            ("worker CPU of a request, empty routes", floors, None),
        ],
    )
    rows = []
    for kind in MIX:
        here, there = cached.seen.took_ms.get(kind, []), plain.seen.took_ms.get(kind, [])
        rows.append((kind, len(here), quantile(here, 0.5), quantile(there, 0.5)))
    report.table(
        f"browsing: p50 ms by kind, {AT_ONCE} at once, MongoDB {where}",
        ("", "requests", "cached", "DISABLE_REDIS"),
        rows,
    )
