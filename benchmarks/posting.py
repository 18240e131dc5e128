"""Acknowledged posts a second: by HTTP and by socket, with 1, 16 and 64 unanswered at any time.

As many people as there are posts unanswered, each with one connection; who is answered posts again.
All post in one channel, where numbers are given one after the other: the hardest case. A post
counts when it is acknowledged, which is after MongoDB has it on a majority and in the journal. By
socket every post is also delivered to all the posters' sockets; by HTTP nobody listens.

Floors in the same run, as many at once: an empty page for somebody who is signed in; Flask-SocketIO
as it comes, sending to the room and acknowledging, storing nothing; and MongoDB alone, an insert of
a document as big with the same write concern, by PyMongo from a thread each.
"""

import itertools
import time

from benchmarks import report
from benchmarks.bare import SIZE, Bare
from benchmarks.crowd import ACK, Client, Crowd, post_packet
from benchmarks.gauge import Meter, Spent, quantile
from benchmarks.inserts import Inserts
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage
from benchmarks.team import Team
from benchmarks.visitors import Ask, Seen, Visitors, request_of

UNANSWERED = (1, 16, 64)
SECONDS, WARM_UP = 1.5, 5
REQUESTS = {1: 100, 16: 240, 64: 320}  # by HTTP they are made beforehand
TEXT = "**The build** is green again, the log is at https://example.org/builds/7 - thanks, all."

Result = tuple[list[float], Spent]  # ms each, and what was spent meanwhile


def run(quick: bool = False) -> None:
    levels, seconds = (UNANSWERED[:2], 0.3) if quick else (UNANSWERED, SECONDS)
    with (
        Stage(people=max(levels)) as stage,
        Remote(Visitors) as visitors,
        Remote(Posters) as posters,
        Remote(Posters) as others,
        Remote(Inserts) as inserts,
    ):
        app, floor = stage.app(), stage.floor(Bare, **{SIZE: "1200"})
        for many in levels:
            report.say(f"posting: {many} unanswered")
            count = 30 if quick else REQUESTS[many]
            _print(many, {
                "product: by HTTP": _by_http(stage, app, visitors, many, count),
                "product: by socket": _by_socket(stage, app, posters, many, seconds),
                "floor: empty page": _empty(stage, app, visitors, many, count),
                "floor: Flask-SocketIO": _by_socket(stage, floor, others, many, seconds),
                "floor: MongoDB alone": _stored(stage, app, inserts, many, seconds),
            })  # fmt: skip


class Posters(Crowd):
    """Everybody posts, and again as soon as it is acknowledged."""

    def post_again_and_again(self, channel: str, seconds: float) -> list[float]:
        """Until the time is up, and all have been answered; the ms that each took."""
        self._channel, self._until = channel, time.monotonic() + seconds
        self._numbers, self._asked_at = itertools.count(), {}
        self._took: list[float] = []
        for client in self._clients:
            self._post(client)
        patience = self._until + seconds + 20
        while self._asked_at and time.monotonic() < patience:
            self.pump(0.2)
        if self._asked_at:
            raise TimeoutError(f"{len(self._asked_at)} posts were not acknowledged")
        return self._took

    def _post(self, client: Client) -> None:
        self._asked_at[client] = time.monotonic()
        client.send(post_packet(self._channel, next(self._numbers)))

    def _handle(self, client: Client, payload: bytes) -> None:
        super()._handle(client, payload)
        if payload.startswith(ACK):
            now = time.monotonic()
            self._took.append((now - self._asked_at.pop(client)) * 1000)
            if now < self._until:
                self._post(client)


def _by_http(stage: Stage, app: App, visitors: Remote, many: int, count: int) -> Result:
    team = stage.team
    path = f"/api/channels/{team.channel}/messages"
    asks = [_post_of(team, path, many, number) for number in range(WARM_UP + count)]
    return _asked(stage, app, visitors, many, asks)


def _post_of(team: Team, path: str, many: int, number: int) -> Ask:
    body = {"text": TEXT, "client_id": f"posting-{time.monotonic_ns()}-{number}"}
    return Ask("post", request_of("POST", path, body, team.members[number % many]))


def _empty(stage: Stage, app: App, visitors: Remote, many: int, count: int) -> Result:
    asks = [
        Ask("empty", request_of("GET", "/bench/empty/600", None, stage.team.members[n % many]))
        for n in range(WARM_UP + 2 * count)
    ]
    return _asked(stage, app, visitors, many, asks)


def _asked(stage: Stage, app: App, visitors: Remote, many: int, asks: list[Ask]) -> Result:
    visitors.ask("run", app.port, asks[:WARM_UP], 1)
    meter = Meter(stage.processes(app))
    seen: Seen = visitors.ask("run", app.port, asks[WARM_UP:], many)
    if seen.refused:
        raise RuntimeError(f"{dict(seen.refused)}\n{app.tail()}")
    return seen.took_ms[asks[0].kind], meter.read()


def _by_socket(stage: Stage, app: App, posters: Remote, many: int, seconds: float) -> Result:
    already = posters.ask("open", app.port, [])
    posters.ask("open", app.port, stage.team.members[already:many])
    posters.ask("settle")
    posters.ask("post_again_and_again", stage.team.channel, 0.1)  # to warm up
    meter = Meter(stage.processes(app))
    return posters.ask("post_again_and_again", stage.team.channel, seconds), meter.read()


def _stored(stage: Stage, app: App, inserts: Remote, many: int, seconds: float) -> Result:
    inserts.ask("at_once", stage.uri, many, 0.1)  # to warm up
    meter = Meter(stage.processes(app))
    return inserts.ask("at_once", stage.uri, many, seconds), meter.read()


def _print(many: int, results: dict[str, Result]) -> None:
    rows = []
    for name, (took, spent) in results.items():
        own = spent.ms_per("worker", len(took)) if "MongoDB" not in name else None
        mongod = spent.ms_per("mongod", len(took))
        times = (quantile(took, 0.5), quantile(took, 0.99))
        rows.append((name, len(took), len(took) / spent.seconds, *times, own, mongod))
    report.table(
        f"posting: {many} unanswered, one channel",
        ("", "acknowledged", "a second", "p50 ms", "p99 ms", "worker CPU ms each", "mongod"),
        rows,
    )
