"""How many sockets one worker holds, what each costs in memory, and how quickly they come.

Sockets are opened as fast as they are let in, 16 handshakes under way at any time, ten sockets a
person, up to 10,000 or to what the machine allows (open files, SECONDS). After each step nothing
happens until everybody has been told who is there; then the memory is read, and what the worker
takes while nobody says anything. Clients come from several loopback addresses, because one has some
28,000 ports. At the end one message goes to all of them.

The floor beside it: Flask-SocketIO as it comes (`bare.py`), with the first step's sockets only: its
gunicorn has a greenlet for each and takes as many connections as it was told.
"""

import resource
from dataclasses import dataclass

from benchmarks import gauge, report
from benchmarks.bare import Bare
from benchmarks.gauge import Meter
from benchmarks.handshakes import Handshakes
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage
from benchmarks.team import Member

STEPS = (1_000, 5_000, 10_000)
EACH = 10  # sockets a person
SECONDS = 45.0  # for opening all of them
IDLE_SECONDS, FIRST = 2.0, 20
SPARE_FILES = 500


@dataclass(frozen=True)
class Step:
    """So many sockets are open."""

    name: str
    sockets: int
    a_second: float
    cpu_ms: float  # of the worker for each that came
    kib: float  # of the worker for each that is open
    idle: float  # percent of a core


def run(quick: bool = False) -> None:
    steps = (100, 200) if quick else STEPS
    allowed = _allowed()
    steps = tuple(step for step in steps if step <= allowed) or (allowed,)
    with Stage(people=max(steps) // EACH, in_channel=max(steps) // EACH) as stage:
        app, floor = stage.app(), stage.floor(Bare)
        rows = _open(stage, floor, "floor: Flask-SocketIO", steps[:1])
        floor.stop()
        rows += _open(stage, app, "product", steps)
    _print(rows, max(steps), allowed)


def _allowed() -> int:
    """How many sockets a process may open; each end is a file of its own process."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE_FILES


def _open(stage: Stage, app: App, name: str, steps: tuple[int, ...]) -> list[Step]:
    rows: list[Step] = []
    left = SECONDS
    with Remote(Handshakes) as crowd:
        _warm(app, stage.team.members[:FIRST])
        empty = gauge.resident_kib(app.worker)
        for step in steps:
            report.say(f"connections: {name}, up to {step:,} sockets")
            before = rows[-1].sockets if rows else 0
            meter = Meter(stage.processes(app))
            come, took = crowd.ask("come", app.port, _people(stage, before, step), left)
            spent = meter.read()
            left -= took
            now = before + come
            crowd.ask("settle", 1.0, 10.0)
            idle = _idle(stage, app, crowd)
            kib = (gauge.resident_kib(app.worker) - empty) / max(1, now)
            cpu = spent.ms_per("worker", come) or 0.0
            rows.append(Step(name, now, come / took, cpu, kib, idle))
            if now < step:
                break
        _say_something(stage, crowd, rows[-1].sockets)
    return rows


def _people(stage: Stage, first: int, last: int) -> list[Member]:
    return [stage.team.members[number // EACH] for number in range(first, last)]


def _warm(app: App, members: list[Member]) -> None:
    with Remote(Handshakes) as some:
        some.ask("come", app.port, members, SECONDS)
        some.ask("settle", 1.0)
        some.ask("close")


def _idle(stage: Stage, app: App, crowd: Remote) -> float:
    meter = Meter(stage.processes(app))
    crowd.ask("read", IDLE_SECONDS)
    spent = meter.read()
    return spent.cpu["worker"] / spent.seconds * 100


def _say_something(stage: Stage, crowd: Remote, sockets: int) -> None:
    result = crowd.ask("post", stage.team.channel, 1, 1.0)
    if result["deliveries"] != sockets:
        raise RuntimeError(f"a message reached {result['deliveries']} of {sockets} sockets")


def _print(rows: list[Step], wanted: int, allowed: int) -> None:
    report.table(
        "connections: sockets of one worker, ten a person",
        ("", "sockets", "connects/s", "worker CPU ms a connect", "KiB a socket",
         "worker % of a core, idle"),
        [(row.name, row.sockets, row.a_second, row.cpu_ms, row.kib, row.idle) for row in rows],
    )  # fmt: skip
    reached = rows[-1].sockets
    why = "" if reached >= wanted else f": {SECONDS:.0f} s were over"
    if wanted < STEPS[-1]:
        why = f": the machine allows {allowed:,} (ulimit -Hn)" if wanted == allowed else ""
    print(f"Reached {reached:,} of {wanted:,} sockets{why}; a message went to all of them.",
          flush=True)  # fmt: skip
