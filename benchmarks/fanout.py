"""What it costs to deliver a message to everybody in a channel, and how soon the last one has it.

So many people, one socket each, are members of one channel. 20 messages a second are posted over
their sockets, in turn. The server's CPU time in that stretch, whatever it was for (storing, caches,
rendering, pings), divided by the deliveries, is the cost of a delivered message. The time runs
from the sender's write until the last client's read, and a message counts only when all have it;
each is stored with majority and journal before it is delivered.

Then 5 a second: beyond what one worker can deliver, messages queue up, and the time to the last
reader says how long the stretch was, not how quick the server is.

Floors in the same run, on the same sockets, at the same rate, with a message of the same size that
nobody stores: "library" is one emit of python-socketio, "bare" is one finished frame written to
each socket.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks import report
from benchmarks.crowd import Crowd
from benchmarks.gauge import Meter, Spent, quantile
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage

SIZES = (100, 500)
RATE, SLOW_RATE, SECONDS, IDLE_SECONDS = 20.0, 5.0, 8.0, 5.0
PUSH_SECONDS = 90  # the most that the floors may take on a busy machine


@dataclass(frozen=True)
class Way:
    """One row: how messages get to the sockets, and how many a second."""

    how: str
    name: str
    rate: float


WAYS = (
    Way("product", "product: stored, then delivered", RATE),
    Way("library", "floor: library emit", RATE),
    Way("bare", "floor: bare frames", RATE),
    Way("product", f"product, {SLOW_RATE:.0f} a second", SLOW_RATE),
)


def run(quick: bool = False) -> None:
    sizes, seconds = ((10, 40), 2.0) if quick else (SIZES, SECONDS)
    with Stage(people=max(sizes)) as stage, Remote(Crowd) as crowd:
        app = stage.app()
        for size in sizes:
            _connect(stage, app, crowd, size)
            idle = _idle(stage, app, crowd)
            measured = [(way, *_measure(stage, app, crowd, way, seconds)) for way in WAYS]
            _print(size, idle, measured)


def _connect(stage: Stage, app: App, crowd: Remote, size: int) -> None:
    report.say(f"fanout: connecting {size} sockets")
    already = crowd.ask("open", app.port, [])
    crowd.ask("open", app.port, stage.team.members[already:size])
    crowd.ask("settle")
    crowd.ask("post", stage.team.channel, 10, RATE)  # to warm up


def _idle(stage: Stage, app: App, crowd: Remote) -> float:
    """The worker's share of a core while nobody says anything, in percent."""
    meter = Meter(stage.processes(app))
    crowd.ask("read", IDLE_SECONDS)
    spent = meter.read()
    return spent.cpu["worker"] / spent.seconds * 100


def _measure(
    stage: Stage, app: App, crowd: Remote, way: Way, seconds: float
) -> tuple[Spent, dict[str, Any]]:
    count, channel = int(way.rate * seconds), stage.team.channel
    report.say(f"fanout: {way.name}")
    meter = Meter(stage.processes(app))
    if way.how == "product":
        result = crowd.ask("post", channel, count, way.rate)
    else:
        address = f"/bench/push?how={way.how}&channel={channel}&count={count}&rate={way.rate}"
        with ThreadPoolExecutor(1) as pool:
            pushing = pool.submit(app.get, address, stage.team.members[0], timeout=PUSH_SECONDS)
            result = crowd.ask("receive", count, way.rate)
            pushing.result()
    return meter.read(), {**result, "sent": count}


def _print(size: int, idle: float, measured: list[tuple[Way, Spent, dict[str, Any]]]) -> None:
    cost = [_cost(spent, result) for _way, spent, result in measured]
    rows = []
    for (way, spent, result), own in zip(measured, cost, strict=True):
        rows.append(
            (
                way.name,
                f"{result['whole']}/{result['sent']}",
                own,
                cost[0] / own if way.how != "product" and own else None,
                spent.cpu["worker"] / spent.seconds * 100,
                quantile(result["to_last_ms"], 0.5),
                quantile(result["to_last_ms"], 0.99),
                spent.ms_per("mongod", result["sent"]),
                spent.ms_per("valkey", result["sent"]),
            )
        )
    report.table(
        f"fanout: {size} sockets in the channel, {RATE:.0f} messages a second",
        ("", "reached all", "worker CPU µs a delivery", "product ÷ this", "worker % of a core",
         "to last reader p50 ms", "p99 ms", "mongod CPU ms a message", "valkey"),
        rows,
    )  # fmt: skip
    product = measured[0][2]
    print(f"Acknowledged {product['acked']} of {product['sent']}, "
          f"connections lost {product['lost']}. "
          f"The worker with these sockets and nobody talking: {idle:.1f} % of a core.",
          flush=True)  # fmt: skip


def _cost(spent: Spent, result: dict[str, Any]) -> float:
    """CPU microseconds of the worker for each message delivered to one socket."""
    return spent.cpu["worker"] * 1e6 / max(1, int(result["deliveries"]))
