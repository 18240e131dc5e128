"""What it costs to deliver a message to everybody in a channel, and how soon the last one has it.

So many people, one socket each, are members of one channel. 20 messages a second are posted over
their sockets, in turn. The server's CPU time in that stretch, whatever it was for (storing, caches,
rendering, pings), divided by the deliveries, is the cost of a delivered message. The time runs
from the sender's write until the last client's read, and a message counts only when all have it;
each is stored with majority and journal before it is delivered.

Floors in the same run, on the same sockets, at the same rate, with a message of the same size that
nobody stores: "library" is one emit of python-socketio, "bare" is one finished frame written to
each socket.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks import report
from benchmarks.crowd import Crowd
from benchmarks.gauge import Meter, Spent, quantile
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage

SIZES = (100, 500)
RATE, SECONDS, IDLE_SECONDS = 20.0, 10, 5.0
NAMES = {"product": "product: stored, then delivered", "library": "floor: library emit",
         "bare": "floor: bare frames"}  # fmt: skip


def run(quick: bool = False) -> None:
    sizes = (10, 40) if quick else SIZES
    count = int(RATE * (2 if quick else SECONDS))
    with Stage(people=max(sizes)) as stage, Remote(Crowd) as crowd:
        app = stage.app()
        for size in sizes:
            _connect(stage, app, crowd, size)
            idle = _idle(stage, app, crowd)
            measured = {how: _measure(stage, app, crowd, how, count) for how in NAMES}
            _print(size, count, idle, measured)


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
    stage: Stage, app: App, crowd: Remote, how: str, count: int
) -> tuple[Spent, dict[str, Any]]:
    report.say(f"fanout: {NAMES[how]}")
    meter = Meter(stage.processes(app))
    if how == "product":
        result = crowd.ask("post", stage.team.channel, count, RATE)
    else:
        address = f"/bench/push?how={how}&channel={stage.team.channel}&count={count}&rate={RATE}"
        with ThreadPoolExecutor(1) as pool:
            pushing = pool.submit(app.get, address, stage.team.members[0])
            result = crowd.ask("receive", count, RATE)
            pushing.result()
    return meter.read(), result


def _print(
    size: int, count: int, idle: float, measured: dict[str, tuple[Spent, dict[str, Any]]]
) -> None:
    cost = {how: spent.cpu["worker"] * 1e6 / max(1, result["deliveries"])
            for how, (spent, result) in measured.items()}  # fmt: skip
    rows = []
    for how, (spent, result) in measured.items():
        late = result["to_last_ms"]
        rows.append(
            (
                NAMES[how],
                f"{result['whole']}/{count}",
                cost[how],
                cost["product"] / cost[how] if cost[how] else None,
                spent.cpu["worker"] / spent.seconds * 100,
                quantile(late, 0.5),
                quantile(late, 0.99),
                spent.ms_per("mongod", count),
                spent.ms_per("valkey", count),
            )
        )
    report.table(
        f"fanout: {size} sockets in the channel, {RATE:.0f} messages a second",
        ("", "reached all", "worker CPU µs a delivery", "product ÷ this", "worker % of a core",
         "to last reader p50 ms", "p99 ms", "mongod CPU ms a message", "valkey"),
        rows,
    )  # fmt: skip
    product = measured["product"][1]
    print(f"Acknowledged {product['acked']} of {count}, refused {product['refused']}, "
          f"connections lost {product['lost']}. "
          f"The worker with these sockets and nobody talking: {idle:.1f} % of a core.",
          flush=True)  # fmt: skip
