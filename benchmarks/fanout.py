"""What it costs to deliver a message to everybody in a channel, and how soon the last one has it.

So many people, one socket each, are members of one channel. Messages are posted over their sockets,
in turn: 20 a second, then 5, then as many as are taken with 8 unanswered at any time. The server's
CPU time in that stretch, whatever it was for (storing, caches, rendering, pings), divided by the
deliveries, is the cost of a delivered message. The time runs from the sender's write until the last
client's read, and a message counts only when all have it; each is stored with majority and journal
before it is delivered.

Floors in the same run, with messages that nobody stores. "Flask-SocketIO" is an app that sends what
comes to a room (`bare.py`), as many bytes as the product's. "Node" is a bare Socket.IO server on
Node (`node.py`) that sends what was posted and nothing else. "one system call each" is a frame made
once and written to each of the product's sockets: what the kernel takes for it, and nobody can do
without. "emit" is the product's own emit without a post. In a big room messages that come fast
leave together (`chat.realtime.transport.coalesce`), so both may take less than a system call for
each delivery.

With 100 sockets there is a second table: five posts a second and nothing else going on, and where
the time of one goes. The floors there are MongoDB alone, storing a document as big with the same
write concern, and one system call each.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks import report
from benchmarks.bare import SIZE, Bare
from benchmarks.crowd import Crowd
from benchmarks.gauge import Meter, Spent, quantile
from benchmarks.inserts import Inserts
from benchmarks.node import Node
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage

SIZES = (100, 500, 1000)
RATE, SLOW_RATE, OUTSTANDING, SECONDS, IDLE_SECONDS = 20.0, 5.0, 8, 3.0, 3.0
AT_ONCE_RATE = 120.0  # about what is taken: how many to post, where the rate is not given
SLOW_SECONDS = 20.0  # a hundred posts; half as long for each floor
PUSH_SECONDS = 90  # the most that the floors may take on a busy machine
TARGET_MICROSECONDS = 6.0


@dataclass(frozen=True)
class Way:
    """One row: how messages get to the sockets, and how many a second (0: as many as go)."""

    how: str
    name: str
    rate: float


PRODUCT = (
    Way("post", "product: stored, then delivered", RATE),
    Way("post", f"product, {OUTSTANDING} unanswered", 0),
    Way("emit", "product: emit alone", RATE),
    Way("bare", "floor: one system call each", RATE),
)
FLOORS = (
    Way("post", "floor: Flask-SocketIO", RATE),
    Way("post", "floor: Node", RATE),
    Way("post", f"floor: Node, {OUTSTANDING} unanswered", 0),
)
SLOWLY = (
    Way("post", "post to last reader", SLOW_RATE),
    Way("bare", "floor: one system call each", SLOW_RATE),
)
Measured = tuple[Way, Spent, dict[str, Any]]


def run(quick: bool = False) -> None:
    sizes, seconds = ((10, 40), 2.0) if quick else (SIZES, SECONDS)
    with Stage(people=max(sizes)) as stage:
        app = stage.app()
        with Remote(Crowd) as crowd, Remote(Crowd) as bare_ones, Remote(Crowd) as node_ones:
            bare: App | None = None
            node = stage.floor(Node)
            for size in sizes:
                _connect(stage, app, crowd, size)
                if size == sizes[0]:
                    _print_slowly(stage, app, crowd, size, seconds if quick else SLOW_SECONDS)
                idle = _idle(stage, app, crowd)
                measured = [_measure(stage, app, crowd, way, seconds) for way in PRODUCT]
                if bare is None:
                    bare = stage.floor(Bare, **{SIZE: str(measured[0][2]["size"] - 100)})
                beside = ((bare, bare_ones), (node, node_ones), (node, node_ones))
                for way, (app_beside, others) in zip(FLOORS, beside, strict=True):
                    _connect(stage, app_beside, others, size)
                    measured.append(_measure(stage, app_beside, others, way, seconds))
                _print(size, idle, measured)


def _print_slowly(stage: Stage, app: App, crowd: Remote, size: int, seconds: float) -> None:
    """Where the time of one post goes."""
    found = {
        way.name: _measure(stage, app, crowd, way, seconds * share)[2]["to_last_ms"]
        for way, share in zip(SLOWLY, (1, 0.5), strict=True)
    }
    with Remote(Inserts) as inserts:
        report.say("fanout: MongoDB alone")
        count = int(seconds / 2 * SLOW_RATE)
        found["floor: MongoDB alone"] = inserts.ask("in_step", stage.uri, count, SLOW_RATE)
    rows = [
        (name, len(ms), *(quantile(ms, share) for share in (0.5, 0.9, 0.99)), max(ms, default=None))
        for name, ms in found.items()
    ]
    report.table(
        f"fanout: {size} sockets, {SLOW_RATE:.0f} posts a second, milliseconds (target: p99 ≤ 10)",
        ("", "times", "p50", "p90", "p99", "worst"),
        rows,
    )


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


def _measure(stage: Stage, app: App, crowd: Remote, way: Way, seconds: float) -> Measured:
    count, channel = round((way.rate or AT_ONCE_RATE) * seconds), stage.team.channel
    report.say(f"fanout: {way.name}")
    meter = Meter(stage.processes(app))
    if way.how == "post" and way.rate:
        result = crowd.ask("post", channel, count, way.rate)
    elif way.how == "post":
        result = crowd.ask("post_at_once", channel, count, OUTSTANDING)
    else:
        address = f"/bench/push?how={way.how}&channel={channel}&count={count}&rate={way.rate}"
        with ThreadPoolExecutor(1) as pool:
            pushing = pool.submit(app.get, address, stage.team.members[0], timeout=PUSH_SECONDS)
            result = crowd.ask("receive", count, way.rate)
            pushing.result()
    return way, meter.read(), {**result, "sent": count}


def _print(size: int, idle: float, measured: list[Measured]) -> None:
    rows = []
    for way, spent, result in measured:
        cost = _cost(spent, result)
        rows.append(
            (
                way.name,
                f"{result['whole']}/{result['sent']}",
                result["sent"] / spent.seconds,
                cost,
                cost / (_cost(*measured[len(PRODUCT) - 1][1:]) or 1),
                cost / (_cost_of(measured, way.rate) or 1),
                spent.cpu["worker"] / spent.seconds * 100,
                quantile(result["to_last_ms"], 0.5),
                quantile(result["to_last_ms"], 0.99),
                spent.ms_per("mongod", result["sent"]),
                spent.ms_per("valkey", result["sent"]),
            )
        )
    report.table(
        f"fanout: {size} sockets in the channel",
        ("", "reached all", "messages/s", "worker CPU µs a delivery", "÷ system calls",
         "× Node", "worker % of a core", "to last reader p50 ms", "p99 ms",
         "mongod CPU ms a message", "valkey"),
        rows,
    )  # fmt: skip
    product = measured[0][2]
    print(f"Acknowledged {product['acked']} of {product['sent']}, {product['size']} bytes each, "
          f"connections lost {product['lost']}. "
          f"The worker with these sockets and nobody talking: {idle:.1f} % of a core. "
          f"Target: ≤ {TARGET_MICROSECONDS:.0f} µs a delivery with 1,000 sockets.",
          flush=True)  # fmt: skip


def _cost_of(measured: list[Measured], rate: float) -> float:
    """What Node takes for a delivery at that rate."""
    return next(
        _cost(spent, result)
        for way, spent, result in measured
        if way.name.startswith(FLOORS[1].name) and way.rate == rate
    )


def _cost(spent: Spent, result: dict[str, Any]) -> float:
    """CPU microseconds of the worker for each message delivered to one socket."""
    return spent.cpu["worker"] * 1e6 / max(1, int(result["deliveries"]))
