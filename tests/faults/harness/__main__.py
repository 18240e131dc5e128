"""``python -m tests.faults.harness [fault ...]``: every fault, or these, as a Markdown table."""

import argparse
import sys
import tempfile
from pathlib import Path
from time import monotonic

from tests.faults.harness import table
from tests.faults.harness.author import PAUSE
from tests.faults.harness.faults import BY_NAME
from tests.faults.harness.trial import attempt
from tests.support.servers import start_mongod

SHOWN = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.harness", description=__doc__)
    parser.add_argument("faults", nargs="*", help=f"of {', '.join(BY_NAME)}", default=[])
    parser.add_argument("--authors", type=int, default=8)
    parser.add_argument("--pause", type=float, default=PAUSE, help="between an author's rounds, s")
    parser.add_argument("--seconds", type=float, help="how long each fault lasts")
    parser.add_argument("--logs", action="store_true", help="show the logs of the processes")
    args = parser.parse_args()
    wanted = [BY_NAME[name] for name in args.faults] or list(BY_NAME.values())
    began, failed = monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="chat-faults-", ignore_cleanup_errors=True) as place:
        mongod = start_mongod(Path(place) / "mongod")
        try:
            print(table.head(), flush=True)
            for fault in wanted:
                folder = Path(place) / fault.block.__name__
                try:
                    row = attempt(
                        fault, folder, mongod, args.authors, args.seconds, pause=args.pause
                    )
                except AssertionError as error:  # it did not come to its end
                    failed += 1
                    print(f"    {fault.name}: {error}", file=sys.stderr, flush=True)
                    continue
                print(table.line(row), flush=True)
                broken = [*row.late(), *row.broken()]
                failed += bool(broken)
                slow = [f"slowest: {what}" for what in row.slow]
                if row.longest_return:
                    slow.append(f"waited for a process to start: {row.longest_return:.0f} ms")
                for text in [*slow, *broken[:SHOWN]]:
                    print(f"    {fault.name}: {text}", file=sys.stderr, flush=True)
                if args.logs:
                    print(row.log, file=sys.stderr)
        finally:
            mongod.stop()
    print(f"\n{len(wanted)} faults in {monotonic() - began:.0f} s, {failed} with a promise broken.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
