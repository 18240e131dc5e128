"""Resident memory of the app's worker: idle, and with sockets open.

Idle is after the first requests and sockets, when everything is imported and the templates are
compiled. Then one person a socket connects, all members of one channel, and once they are quiet
the difference is divided by their number. The floor beside it, in an app of its own: as many
WebSockets on which nobody speaks Socket.IO, that is, what gunicorn, gevent and simple-websocket
take for a connection.
"""

import psutil

from benchmarks import gauge, report
from benchmarks.crowd import Crowd
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage
from benchmarks.team import Member

SOCKETS, FIRST = 500, 20
TRAFFIC, RATE = 50, 5.0


def run(quick: bool = False) -> None:
    sockets = 50 if quick else SOCKETS
    with Stage(people=sockets) as stage:
        report.say(f"memory: {sockets} bare WebSockets")
        bare = _measure(stage, sockets, "/bench/line")
        report.say(f"memory: {sockets} Socket.IO sockets")
        whole = _measure(stage, sockets, "/socket.io/")
    each, floor = (whole["open"] - whole["idle"]) / sockets, (bare["open"] - bare["idle"]) / sockets
    rows = [
        ("worker, idle", whole["idle"] / 1024, bare["idle"] / 1024),
        (f"with {sockets} sockets", whole["open"] / 1024, bare["open"] / 1024),
        (f"after {TRAFFIC} messages to all of them", whole["used"] / 1024, None),
    ]
    report.table("memory: resident, MiB", ("", "product", "floor: bare WebSockets"), rows)
    rows = [("when connected", each, floor, each / floor),
            ("after traffic", (whole["used"] - whole["idle"]) / sockets, floor, None)]  # fmt: skip
    report.table("memory: KiB a socket", ("", "product", "floor", "ratio"), rows)


def _measure(stage: Stage, sockets: int, path: str) -> dict[str, float]:
    """KiB of the worker: idle, with the sockets open, and after messages went to all of them."""
    app, team = stage.app(), stage.team
    found = {}
    with Remote(Crowd) as crowd:
        _warm(app, stage, crowd, path)
        found["idle"] = _settled(app.worker, crowd)
        if crowd.ask("open", app.port, team.members[:sockets], path) != sockets:
            raise RuntimeError("not all sockets are open")
        crowd.ask("settle")
        found["open"] = _settled(app.worker, crowd)
        if path == "/socket.io/":
            result = crowd.ask("post", team.channel, TRAFFIC, RATE)
            if result["whole"] != TRAFFIC:
                raise RuntimeError(f"messages were lost: {result['whole']} of {TRAFFIC}")
            found["used"] = _settled(app.worker, crowd)
        crowd.ask("close")
    app.stop()
    return found


def _warm(app: App, stage: Stage, crowd: Remote, path: str) -> None:
    member: Member = stage.team.members[0]
    for page in (f"/channels/{stage.team.slug}", "/api/users", "/settings"):
        app.get(page, member)
    crowd.ask("open", app.port, stage.team.members[:FIRST], path)
    crowd.ask("settle")
    crowd.ask("close")


def _settled(worker: psutil.Process, crowd: Remote) -> float:
    """Its memory after some seconds without work."""
    crowd.ask("read", 2.0)
    return gauge.resident_kib(worker)
