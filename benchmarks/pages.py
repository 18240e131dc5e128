"""Requests a second and CPU of a request, for what people and programs ask for most.

A member of ten channels asks for the page of one with 100 people and 200 messages (50 of them on
the page), for its newest messages as JSON, and for the list of people; 20 people are connected, so
that somebody is online. Four connections ask in a closed loop. Beside each the floor: a route that
asks who is signed in, like every page, and returns as many bytes without doing anything. Then the
same on MongoDB alone (DISABLE_REDIS=true). Everything is asked for in turns of a second or two,
several times, so that a noisy moment does not fall on one row alone.
"""

from dataclasses import dataclass, field

from benchmarks import report
from benchmarks.crowd import Crowd
from benchmarks.gauge import Meter, quantile
from benchmarks.load import Asked, Load
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage

PEOPLE, IN_CHANNEL, ONLINE = 500, 100, 20
CONNECTIONS, ROUNDS, SECONDS = 4, 3, 1.0
WARM_UP = 20


@dataclass
class Target:
    """One row: an address, its floor if it has one, and what was measured so far."""

    name: str
    path: str
    floor: "Target | None" = None
    asked: Asked = field(default_factory=Asked)
    cpu: dict[str, float] = field(default_factory=dict)

    def ms(self, process: str) -> float | None:
        """CPU milliseconds a request of one process."""
        if process not in self.cpu or not self.asked.count:
            return None
        return self.cpu[process] * 1000 / self.asked.count


def run(quick: bool = False) -> None:
    rounds, seconds = (1, 0.5) if quick else (ROUNDS, SECONDS)
    with Stage(PEOPLE, IN_CHANNEL) as stage, Remote(Load) as load, Remote(Crowd) as crowd:
        alone = stage.app(with_redis=False, uri=stage.copy())
        apps = {"with Redis": stage.app(), "DISABLE_REDIS=true": alone}
        for app in apps.values():
            crowd.ask("open", app.port, stage.team.members[:ONLINE])
        crowd.ask("settle")
        targets = {title: _targets(stage, app) for title, app in apps.items()}
        for number in range(1, rounds + 1):
            for title, app in apps.items():
                report.say(f"pages: round {number} of {rounds}, {title}")
                for target in targets[title]:
                    _ask(stage, app, load, target, seconds)
        for title in apps:
            _print(title, targets[title])


def _targets(stage: Stage, app: App) -> list[Target]:
    """What to ask for; each target right after its floor."""
    team = stage.team
    wanted = {
        "channel page": f"/channels/{team.slug}",
        "message history": f"/api/channels/{team.channel}/messages",
        "people": "/api/users",
    }
    found = [Target("/health (no session)", "/health")]
    for name, path in wanted.items():
        for _ in range(WARM_UP):
            answer = app.get(path, team.members[0])
        kept = answer.headers.get("X-Cache")
        floor = Target(f"floor of {name}", f"/bench/empty/{len(answer.content)}")
        found += [floor, Target(f"{name} ({kept})" if kept else name, path, floor)]
    return found


def _ask(stage: Stage, app: App, load: Remote, target: Target, seconds: float) -> None:
    cookie = stage.team.members[0].cookie
    meter = Meter(stage.processes(app))
    asked: Asked = load.ask("run", app.port, target.path, cookie, CONNECTIONS, seconds)
    for name, spent in meter.read().cpu.items():
        target.cpu[name] = target.cpu.get(name, 0.0) + spent
    if asked.failed:
        raise RuntimeError(f"{target.path}: {asked.failed} of {asked.count} failed\n{app.tail()}")
    target.asked.add(asked)


def _print(title: str, targets: list[Target]) -> None:
    rows = []
    for target in targets:
        worker, floor = target.ms("worker"), target.floor and target.floor.ms("worker")
        rows.append(
            (
                target.name,
                target.asked.bytes,
                target.asked.count / target.asked.seconds,
                worker,
                worker / floor if worker and floor else None,
                quantile(target.asked.took_ms, 0.5),
                quantile(target.asked.took_ms, 0.99),
                target.ms("mongod"),
                target.ms("valkey"),
            )
        )
    report.table(
        f"pages, {title}: {CONNECTIONS} connections, one worker",
        ("", "bytes", "requests/s", "worker CPU ms a request", "× floor", "p50 ms", "p99 ms",
         "mongod CPU ms", "valkey CPU ms"),
        rows,
    )  # fmt: skip
