"""What an answer from the cache costs, beside an empty route and beside MongoDB.

One member of a team of 1,000 asks, on one connection and one request after the other, for what
people read most: the list of people (100 and 1,000 of them), the newest 50 messages of a channel,
and the channel's page (100 members). Everything was asked for before, so it is warm, but it ages as
it does in production: what expires while measuring is read from MongoDB again.

`floor` is a route of the same app that asks who is signed in, like every page, and returns as many
bytes without doing anything: CPU ÷ floor says what the answer itself costs. An answer of the API
that would be the same is given again without making it, so each is also asked for "anew", with a
parameter that nobody has sent before: made again, from what is cached. Beside the app with
Redis stands one with DISABLE_REDIS=true. Both are measured with MongoDB on the same machine, and
with 5 ms added to each round trip to it (`benchmarks.proxy`), as from one house to another. All is
asked in turns, several times, so that a noisy moment does not fall on one row alone.
"""

from dataclasses import dataclass, field
from statistics import fmean

from benchmarks import report
from benchmarks.gauge import Meter, quantile
from benchmarks.load import Asked, Load
from benchmarks.proxy import Proxy, away
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage

PEOPLE, IN_CHANNEL, DELAY_MS = 1000, 100, 5.0
ROUNDS, SECONDS, WARM_UP = 2, 0.7, 10
PAGES = {
    "people, 100 of 1,000": ("/api/users", 1.3, 10.0),
    "people, 100, anew": ("/api/users?_={{n}}", None, None),
    "people, all 1,000": ("/api/users?limit=1000", 1.3, 10.0),
    "people, all, anew": ("/api/users?limit=1000&_={{n}}", None, None),
    "history, 50 messages": ("/api/channels/{channel}/messages", 1.3, 20.0),
    "history, 50, anew": ("/api/channels/{channel}/messages?_={{n}}", None, None),
    "channel page": ("/channels/{slug}", None, None),
}  # name: address, the most it should cost in floors, how many times faster it should be


@dataclass
class Side:
    """One app, and what it answered to each address."""

    name: str
    app: App
    cached: bool
    asked: dict[str, Asked] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def p50(self, path: str) -> float:
        return quantile(self.asked[path].took_ms, 0.5)

    def ms(self, path: str) -> float:
        """CPU milliseconds of the worker for a request."""
        return self.cpu[path] * 1000 / self.asked[path].count


def run(quick: bool = False) -> None:
    rounds, seconds = (1, 0.3) if quick else (ROUNDS, SECONDS)
    with Stage(PEOPLE, IN_CHANNEL) as stage, Remote(Load) as load, Remote(Proxy) as proxy:
        sides = _sides(stage, proxy)
        names = {"channel": stage.team.channel, "slug": stage.team.slug}
        paths = {name: row[0].format(**names) for name, row in PAGES.items()}
        floors = {name: _floor(stage, sides, path) for name, path in paths.items()}
        for number in range(1, rounds + 1):
            for side in sides:
                report.say(f"cached: round {number} of {rounds}, {side.name}")
                for path in [*paths.values(), *(set(floors.values()) if side is sides[0] else ())]:
                    _ask(stage, side, load, path, seconds)
    _print_cost(sides[0], paths, floors)
    _print_times("on the same machine", *sides[:2], paths)
    _print_times(f"{DELAY_MS:.0f} ms away", *sides[2:], paths)


def _sides(stage: Stage, proxy: Remote) -> list[Side]:
    def far() -> str:
        return away(proxy, stage.copy(), DELAY_MS)

    return [
        Side("cached", stage.app(), True),
        Side("MongoDB alone", stage.app(with_redis=False, uri=stage.copy()), False),
        Side("cached, MongoDB away", stage.app(uri=far()), True),
        Side("MongoDB alone, away", stage.app(with_redis=False, uri=far()), False),
    ]


def _floor(stage: Stage, sides: list[Side], path: str) -> str:
    """Warm it up everywhere, see that it comes from where it should; its floor's address."""
    for side in sides:
        for _ in range(WARM_UP):
            answer = side.app.get(path, stage.team.members[0])
        kept, wanted = answer.headers.get("X-Cache"), "hit" if side.cached else "bypass"
        if kept not in (wanted, None):
            raise RuntimeError(f"{side.name}, {path}: {kept} where {wanted} was expected")
    return f"/bench/empty/{len(answer.content)}"


def _ask(stage: Stage, side: Side, load: Remote, path: str, seconds: float) -> None:
    meter = Meter(stage.processes(side.app))
    cookie = stage.team.members[0].cookie
    asked: Asked = load.ask("run", side.app.port, path, cookie, 1, seconds)
    side.cpu[path] = side.cpu.get(path, 0.0) + meter.read().cpu["worker"]
    if asked.failed:
        raise RuntimeError(f"{path}: {asked.failed} failed\n{side.app.tail()}")
    side.asked.setdefault(path, Asked()).add(asked)


def _print_cost(side: Side, paths: dict[str, str], floors: dict[str, str]) -> None:
    rows = []
    for name, path in paths.items():
        own, floor = side.ms(path), side.ms(floors[name])
        target = PAGES[name][1]
        rows.append((name, side.asked[path].bytes, own, floor, own / floor, _most(target)))
    report.table(
        "cached: worker CPU of a warm answer, and of a route that returns as many bytes",
        ("", "bytes", "CPU ms", "floor: CPU ms", "× floor", "target"),
        rows,
    )


def _print_times(where: str, cached: Side, plain: Side, paths: dict[str, str]) -> None:
    rows = []
    for name, path in paths.items():
        here, there = cached.asked[path].took_ms, plain.asked[path].took_ms
        target = PAGES[name][2] if where != "on the same machine" else None
        rows.append(
            (
                name,
                cached.p50(path),
                fmean(here),
                plain.p50(path),
                fmean(there),
                plain.p50(path) / cached.p50(path),
                fmean(there) / fmean(here),
                f"≥ {target:.0f}" if target else None,
            )
        )
    report.table(
        f"cached: milliseconds a request, one connection, MongoDB {where}",
        ("", "cached p50", "mean", "DISABLE_REDIS p50", "mean", "faster p50", "mean", "target"),
        rows,
    )


def _most(target: float | None) -> str | None:
    return f"≤ {target}" if target else None
