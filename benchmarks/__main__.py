"""`python -m benchmarks [--quick] [--all] [name ...]`."""

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from benchmarks import (
    arrivals,
    browsing,
    cached,
    cold_start,
    connections,
    curves,
    fanout,
    growth,
    memory,
    metrics_cost,
    pages,
    posting,
    redis_memory,
    report,
    start,
    weight,
)

Run = Callable[[bool], None]
USUAL: dict[str, Run] = {
    "cold_start": cold_start.run,
    "connections": connections.run,
    "fanout": fanout.run,
    "posting": posting.run,
    "arrivals": arrivals.run,
    "cached": cached.run,
    "browsing": browsing.run,
    "curves": curves.run,
}
# Closer looks at what the usual ones tell in short.
BY_NAME: dict[str, Run] = {
    "start": start.run,
    "memory": memory.run,
    "redis_memory": redis_memory.run,
    "pages": pages.run,
    "growth": growth.run,
    "metrics_cost": metrics_cost.run,
    "weight": weight.run,
}
ALL = USUAL | BY_NAME
MOST_SECONDS = 1_500


def main() -> int:
    """Run what was named, or the usual ones; whatever happens, end what was started."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What it costs.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(ALL))
    parser.add_argument("--all", action="store_true", help="those that run by name only, too")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it work?")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(ALL):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(ALL)}")
    for sign in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(sign, _end)
    signal.alarm(MOST_SECONDS)
    began = time.monotonic()
    report.machine()
    took: dict[str, float] = {}
    names = chosen.names or (ALL if chosen.all else USUAL)
    failed = [name for name in names if not _done(name, chosen.quick, took)]
    report.table("seconds each", ("", "seconds"), list(took.items()))
    report.say(f"All in {time.monotonic() - began:.0f} s. Load now: {report.load()}")
    if failed:
        print(f"Without a result: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _done(name: str, quick: bool, took: dict[str, float]) -> bool:
    """Run one; what goes wrong in it does not keep the others from running."""
    began = time.monotonic()
    try:
        ALL[name](quick)
    except Exception:  # noqa: BLE001 - shown in full
        traceback.print_exc()
        return False
    finally:
        took[name] = time.monotonic() - began
    return True


def _end(sign: int, _frame: Any) -> None:
    reason = f"not done within {MOST_SECONDS} s" if sign == signal.SIGALRM else "stopped"
    raise SystemExit(f"benchmarks: {reason}")


if __name__ == "__main__":
    sys.exit(main())
