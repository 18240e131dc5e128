"""Resident memory of the app's worker: idle, and with sockets open.

Idle is after the first requests and sockets, when everything is imported and the templates are
compiled. Then one person a socket connects, all members of one channel, and once they are quiet
the difference is divided by their number. The floor beside it: Flask-SocketIO as it comes, with
nobody's name or session behind a socket (`bare.py`).
"""

import psutil

from benchmarks import gauge, report
from benchmarks.bare import Bare
from benchmarks.crowd import Crowd
from benchmarks.remote import Remote
from benchmarks.stage import App, Stage
from benchmarks.team import Member

SOCKETS, FIRST = 500, 20
TRAFFIC, RATE = 50, 5.0


def run(quick: bool = False) -> None:
    sockets = 50 if quick else SOCKETS
    with Stage(people=sockets) as stage:
        report.say(f"memory: {sockets} sockets of Flask-SocketIO")
        bare = _measure(stage, stage.floor(Bare), sockets)
        report.say(f"memory: {sockets} sockets of the product")
        app = stage.app()
        for page in (f"/channels/{stage.team.slug}", "/api/users", "/settings"):
            app.get(page, stage.team.members[0])
        whole = _measure(stage, app, sockets)
    each, floor = (whole["open"] - whole["idle"]) / sockets, (bare["open"] - bare["idle"]) / sockets
    rows = [
        ("worker, idle", whole["idle"] / 1024, bare["idle"] / 1024),
        (f"with {sockets} sockets", whole["open"] / 1024, bare["open"] / 1024),
        (f"after {TRAFFIC} messages to all of them", whole["used"] / 1024, bare["used"] / 1024),
    ]
    report.table("memory: resident, MiB", ("", "product", "floor: Flask-SocketIO"), rows)
    used, filled = ((part["used"] - part["idle"]) / sockets for part in (whole, bare))
    rows = [
        ("when connected", each, floor, each / floor),
        ("after traffic", used, filled, used / filled),
    ]
    report.table("memory: KiB a socket (target ≤ 45 kB)", ("", "product", "floor", "ratio"), rows)


def _measure(stage: Stage, app: App, sockets: int) -> dict[str, float]:
    """KiB of the worker: idle, with the sockets open, and after messages went to all of them."""
    team, found = stage.team, {}
    with Remote(Crowd) as crowd:
        _warm(app, team.members[:FIRST], crowd)
        found["idle"] = _settled(app.worker, crowd)
        if crowd.ask("open", app.port, team.members[:sockets]) != sockets:
            raise RuntimeError("not all sockets are open")
        crowd.ask("settle")
        found["open"] = _settled(app.worker, crowd)
        result = crowd.ask("post", team.channel, TRAFFIC, RATE)
        if result["whole"] != TRAFFIC:
            raise RuntimeError(f"messages were lost: {result['whole']} of {TRAFFIC}")
        found["used"] = _settled(app.worker, crowd)
        crowd.ask("close")
    app.stop()
    return found


def _warm(app: App, members: list[Member], crowd: Remote) -> None:
    crowd.ask("open", app.port, members)
    crowd.ask("settle")
    crowd.ask("close")


def _settled(worker: psutil.Process, crowd: Remote) -> float:
    """Its memory after some seconds without work."""
    crowd.ask("read", 2.0)
    return gauge.resident_kib(worker)
