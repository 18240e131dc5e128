"""The rows as a Markdown table, with the complaints below."""

from tests.faults.harness.trial import Row

HEAD = (
    "fault", "tried", "acknowledged", "stored", "twice", "lost", "logouts", "stale", "5xx",
    "slowest ms (before)", "told after s", "normal after s",
)  # fmt: skip


def head() -> str:
    return f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}"


def line(row: Row) -> str:
    told = "–" if row.announced is None else f"{row.announced:.1f}"
    name = f"{row.fault.name} **(too slow)**" if row.late() else row.fault.name
    cells = (
        name, row.tried, row.acknowledged, row.stored, row.duplicated, len(row.lost),
        len(row.logouts), len(row.stale), len(row.server_errors),
        f"{row.slowest:.0f} ({row.slowest_calm:.0f})", told, f"{row.normal:.1f}",
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"
