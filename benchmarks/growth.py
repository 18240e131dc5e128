"""Whether a warm page costs more when there is more behind it.

Three databases in one mongod, each with an app of its own: 1,000 people and 1,000 messages; 10,000
people and 1,000,000 messages (half of them in the channel that is asked for); 100,000 people. The
same pages are asked for on each, on one connection, in turns: the first page of the people, a page
from the middle of the list by its cursor, the newest messages, and messages from the middle of the
channel (those come from MongoDB). Anew means with a parameter that was never sent before, so that
no answer is just given again (see `cached`). It should make no difference: largest ÷ smallest says.

What may depend on the size is reading what has expired. Some times the list of people is deleted
in Redis, as its lifetime does, and the next answer is timed; then all of Redis, as after a restart.
Meanwhile somebody else asks for an empty page again and again: the longest wait of theirs
says whether the worker stands still.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from time import monotonic

import pymongo

from benchmarks import crowded, report
from benchmarks.crowded import Town
from benchmarks.gauge import Meter, quantile
from benchmarks.load import Asked, Load
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage
from chat.redis_schema import keys

ROUNDS, SECONDS, WARM_UP = 3, 0.7, 10
REFILLS, OTHERS_SECONDS = 3, 1.0
MOST = 1.2
FIRST, ANEW, DEEP = "people, first page", "first page, anew", "page in the middle, anew"
NEWEST, NEWEST_ANEW = "newest 50 messages", "newest 50, anew"
OLDER = "50 from the middle, anew (MongoDB)"
PEOPLE_PAGES, MESSAGE_PAGES = (FIRST, ANEW, DEEP), (NEWEST, NEWEST_ANEW, OLDER)


@dataclass
class Grown:
    """One database, the app in front of it, and what was measured."""

    town: Town
    app: App
    paths: dict[str, str]
    asked: dict[str, Asked] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    again: dict[str, list[float]] = field(default_factory=dict)  # ms, what: the next answer
    waited: dict[str, float] = field(default_factory=dict)  # ms, the longest of somebody else

    def p50(self, name: str) -> float:
        return quantile(self.asked[name].took_ms, 0.5)

    def ms(self, name: str) -> float:
        return self.cpu[name] * 1000 / self.asked[name].count


def run(quick: bool = False) -> None:
    rounds, seconds = (1, 0.3) if quick else (ROUNDS, SECONDS)
    stage = crowded.stage()
    towns = [crowded.small(quick), crowded.talkative(quick), crowded.populous(quick)]
    with Remote(Load) as load:
        grown = [_grown(stage, town) for town in towns]
        for number in range(1, rounds + 1):
            report.say(f"growth: round {number} of {rounds}")
            for one in grown:
                for name in one.paths:
                    _ask(stage, one, load, name, seconds)
        for one in grown:
            report.say(f"growth: reading anew, {one.town.masses.size.people:,} people")
            _refill(stage, one, load, 1 if quick else REFILLS)
            one.app.stop()
    small, talkative, populous = grown
    _print("people", small, populous, PEOPLE_PAGES)
    _print("messages", small, talkative, MESSAGE_PAGES)
    _print_refills(grown)


def _grown(stage: Stage, town: Town) -> Grown:
    app = stage.app(uri=town.uri)
    place = town.masses.places[0]
    history = f"/api/channels/{place.id}/messages"
    paths = {
        FIRST: "/api/users",
        ANEW: "/api/users?_={n}",
        DEEP: f"/api/users?cursor={_middle(town)}&_={{n}}",
        NEWEST: history,
        NEWEST_ANEW: f"{history}?_={{n}}",
        OLDER: f"{history}?before={place.messages // 2}&_={{n}}",
    }
    for path in paths.values():
        for _ in range(WARM_UP):
            app.get(path, town.masses.members[0])
    return Grown(town, app, paths)


def _middle(town: Town) -> str:
    """The cursor behind the person in the middle of the list."""
    people = town.masses.people
    with pymongo.MongoClient(town.uri, tz_aware=True) as client:  # type: ignore[var-annotated]
        row = client.get_default_database()["users"].find_one({"_id": people[len(people) // 2]})
    assert row is not None
    return f"{row['_id']}.{round(row['last_active'].timestamp() * 1000)}"


def _ask(stage: Stage, one: Grown, load: Remote, name: str, seconds: float) -> None:
    meter = Meter(stage.processes(one.app))
    cookie = one.town.masses.members[0].cookie
    asked: Asked = load.ask("run", one.app.port, one.paths[name], cookie, 1, seconds)
    one.cpu[name] = one.cpu.get(name, 0.0) + meter.read().cpu["worker"]
    if asked.failed:
        raise RuntimeError(f"{name}: {asked.failed} failed\n{one.app.tail()}")
    one.asked.setdefault(name, Asked()).add(asked)


def _refill(stage: Stage, one: Grown, load: Remote, times: int) -> None:
    valkey = stage.valkey(one.app)
    assert valkey is not None
    with valkey.client() as client, ThreadPoolExecutor(1) as pool:
        ways = {
            "list expired": (FIRST, lambda: client.delete(keys.users_list())),
            "Redis empty": (FIRST, client.flushdb),
            "Redis empty, history": (NEWEST, client.flushdb),
        }
        for what, (name, lose) in ways.items():
            for _ in range(times):
                cookie = one.town.masses.members[1].cookie
                args = (one.app.port, "/bench/empty/10", cookie, 1, OTHERS_SECONDS)
                others = pool.submit(load.ask, "run", *args)
                lose()
                began = monotonic()
                one.app.get(one.paths[name], one.town.masses.members[0])
                one.again.setdefault(what, []).append((monotonic() - began) * 1000)
                longest = max(others.result().took_ms)
                one.waited[what] = max(one.waited.get(what, 0.0), longest)


def _print(what: str, small: Grown, large: Grown, names: tuple[str, ...]) -> None:
    few, many = getattr(small.town.masses.size, what), getattr(large.town.masses.size, what)
    rows = []
    for name in names:
        cpu, time = large.ms(name) / small.ms(name), large.p50(name) / small.p50(name)
        own = (small.ms(name), large.ms(name), cpu, small.p50(name), large.p50(name), time)
        rows.append((name, *own, f"≤ {MOST}"))
    report.table(
        f"growth: {few:,} → {many:,} {what}, warm, one connection",
        ("", f"CPU ms at {few:,}", f"at {many:,}", "ratio", f"p50 ms at {few:,}",
         f"at {many:,}", "ratio", "target"),
        rows,
    )  # fmt: skip


def _print_refills(grown: list[Grown]) -> None:
    rows = []
    for one in grown:
        size = one.town.masses.size
        for what, took in one.again.items():
            title = f"{size.people:,} people, {size.messages:,} messages: {what}"
            rows.append((title, median(took), max(took), one.waited[what]))
    report.table(
        "growth: reading anew what is gone from Redis",
        ("", "next answer ms, median", "worst", "longest wait of others ms"),
        rows,
    )
